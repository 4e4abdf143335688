"""What the synthesis panel is set to, kept with the scene."""

# No postponed annotations here: Slicer's wrapper reads them as they are.
from typing import Annotated

from mmhvae.settings import SynthesisSettings
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSequenceBrowserNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from .bounds import one_of, within


@parameterNodeWrapper
class SynthesisParameters:
    """The panel's settings; defaults and bounds of the synthesis are the core's.

    Attributes:
        us, t2, cet1, flair: the images at hand, each a volume or None.
        sweepBrowser: the ultrasound as tracked frames in the scene; it goes before ``us``.
        sweepPath: the ultrasound as a file of tracked frames, or ""; it goes before both.
        calibration: ImageToProbe, a file or 16 numbers; "" where the frames have it.
        synthesizeUs, synthesizeT2, synthesizeCet1, synthesizeFlair: what is wanted.
        uncertainty: whether ``samples`` are drawn to tell it.
        bundle: name of an installed model.
        device: "auto", or one that the engine lists.
        temperature: of the latents' noise.
        seed: of the noise.
        sliceAxis: the volume's axis that the slices follow, "all" of them, or "" as the model was trained.
        keepsEarlier: whether Apply makes new nodes beside those of an earlier one, instead of updating them.
        shown: the result that is looked at, "us" for none.
        opacity: of the result over the ultrasound.
        uncertaintyDisplay: how the uncertainty is shown.
    """

    us: vtkMRMLScalarVolumeNode
    t2: vtkMRMLScalarVolumeNode
    cet1: vtkMRMLScalarVolumeNode
    flair: vtkMRMLScalarVolumeNode
    sweepBrowser: vtkMRMLSequenceBrowserNode  # noqa: N815 - names of parameters, as Slicer writes them
    sweepPath: str  # noqa: N815
    calibration: str
    synthesizeUs: bool = False  # noqa: N815
    synthesizeT2: bool = True  # noqa: N815
    synthesizeCet1: bool = True  # noqa: N815
    synthesizeFlair: bool = True  # noqa: N815
    uncertainty: bool = True
    bundle: str = "starter"
    device: str = "auto"
    samples: Annotated[int, within(SynthesisSettings, "samples")] = SynthesisSettings.samples
    temperature: Annotated[float, within(SynthesisSettings, "temperature")] = SynthesisSettings.temperature
    seed: Annotated[int, within(SynthesisSettings, "seed")] = SynthesisSettings.seed
    sliceAxis: Annotated[str, one_of(SynthesisSettings, "slice_axis")] = SynthesisSettings.slice_axis  # noqa: N815
    keepsEarlier: bool = False  # noqa: N815
    shown: Annotated[str, Choice(["us", "t2", "cet1", "flair"])] = "t2"
    opacity: Annotated[float, WithinRange(0, 1)] = 0.6
    uncertaintyDisplay: Annotated[str, Choice(["off", "contours", "colours"])] = "off"  # noqa: N815

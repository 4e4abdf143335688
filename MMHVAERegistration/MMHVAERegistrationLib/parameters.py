"""What the registration panel is set to, kept with the scene."""

# No postponed annotations here: Slicer's wrapper reads them as they are.
from typing import Annotated

from mmhvae.settings import NAVIGATION, PosePrior, RegistrationSettings, SynthesisSettings
from MMHVAESynthesisLib.bounds import one_of, within
from slicer import (
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceBrowserNode,
)
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class RegistrationParameters:
    """The panel's settings; defaults and bounds of the registration are the core's.

    Attributes:
        us: the ultrasound as a volume, or None.
        sweepBrowser: the ultrasound as tracked frames in the scene; it goes before ``us``.
        sweepPath: the ultrasound as a file of tracked frames, or ""; it goes before both.
        calibration: ImageToProbe, a file or 16 numbers; "" where the frames have it.
        t2, cet1, flair: the pre-operative MRs, each a volume or None.
        useT2, useCet1, useFlair: which of them are registered.
        method: "synthesis": through synthetic MR, "direct": the ultrasound itself (LC2).
        bundle: name of an installed model.
        segmenter, usSegmenter: names of installed models that outline the tumour in MR and in ultrasound; "" for the
            shipped one, or the first.
        device: "auto", or one that the engine lists.
        samples: of the synthesis, for its uncertainty.
        prior: whether the pose is drawn towards the navigation's.
        priorTranslation, priorRotation: how far off navigation typically is, mm and degrees.
        regionBox, regionSegments: within which the ultrasound is registered; one of them, or none.
        regionSegment: the ID of the one segment that counts; "" for all.
        shown: the MR that is compared with the ultrasound.
        fade: how much of it covers the ultrasound, 0 to 1.
        checkerboard: whether both are shown in squares instead.
        outlines: whether outlines before and after are drawn.
        surfaces: whether surfaces are shown in the 3-D views.
        usLandmarks, mrLandmarks: pairs of points, in the same order.
        tagPath: a file of pairs, or ""; it goes before them.
    """

    us: vtkMRMLScalarVolumeNode
    sweepBrowser: vtkMRMLSequenceBrowserNode  # noqa: N815 - names of parameters, as Slicer writes them
    sweepPath: str  # noqa: N815
    calibration: str
    t2: vtkMRMLScalarVolumeNode
    cet1: vtkMRMLScalarVolumeNode
    flair: vtkMRMLScalarVolumeNode
    useT2: bool = True  # noqa: N815
    useCet1: bool = True  # noqa: N815
    useFlair: bool = True  # noqa: N815
    method: Annotated[str, one_of(RegistrationSettings, "method")] = RegistrationSettings.method
    bundle: str = "starter"
    segmenter: str
    usSegmenter: str  # noqa: N815
    device: str = "auto"
    samples: Annotated[int, within(SynthesisSettings, "samples")] = SynthesisSettings.samples
    prior: bool = RegistrationSettings.prior is not None
    priorTranslation: Annotated[float, within(PosePrior, "translation_mm")] = NAVIGATION.translation_mm  # noqa: N815
    priorRotation: Annotated[float, within(PosePrior, "rotation_deg")] = NAVIGATION.rotation_deg  # noqa: N815
    regionBox: vtkMRMLMarkupsROINode  # noqa: N815
    regionSegments: vtkMRMLSegmentationNode  # noqa: N815
    regionSegment: str  # noqa: N815
    shown: Annotated[str, Choice(["t2", "cet1", "flair"])] = "t2"
    fade: Annotated[float, WithinRange(0, 1)] = 0.5
    checkerboard: bool = False
    outlines: bool = True
    surfaces: bool = False
    usLandmarks: vtkMRMLMarkupsFiducialNode  # noqa: N815
    mrLandmarks: vtkMRMLMarkupsFiducialNode  # noqa: N815
    tagPath: str  # noqa: N815

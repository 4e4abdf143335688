"""What can be asked for: every setting with its default, bounds, unit and help, for all doors.

The Python functions, the command line, the engine, the panels' parameter nodes and a result's provenance read them
here, so that each gives the same result by default. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .fields import Settings, setting

#: What a Python function may be given as a slice axis, beside None for the model's own.
SliceAxis = int | Literal["all"]
Compounding = Literal["mean", "max", "latest"]
Metric = Literal["correlation", "lc2"]
Method = Literal["gauss-newton", "adam"]
Route = Literal["synthesis", "direct"]
#: (X, Y, W, H): first column, first row, width, height, in pixels of the frames as they lie in memory.
Clip = tuple[int, int, int, int]

#: Far above the prior's own 1; beyond it the images lose all meaning.
LARGEST_TEMPERATURE = 2.0
#: The noise of all samples is held in memory.
MOST_SAMPLES = 50
#: Millilitres of the ultrasound that a region has to leave for a registration: as much as a hazelnut.
SMALLEST_REGION_ML = 1.0
#: As much as a spin box of Qt holds.
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class SynthesisSettings(Settings):
    """How images are synthesised; see :func:`mmhvae.synthesize`."""

    temperature: float = setting(
        0.5,
        "how far samples stray from the most probable image: 0 not at all, 1 as the model was trained",
        low=0.0,
        high=LARGEST_TEMPERATURE,
    )
    samples: int = setting(
        4,
        "draws behind the mean and its uncertainty; 1 gives no uncertainty",
        low=1,
        high=MOST_SAMPLES,
        label="number of samples",
    )
    seed: int = setting(0, "of the noise: the same seed gives the same images", low=0, high=LARGEST_SEED)
    slice_axis: Literal["", "0", "1", "2", "all"] = setting(
        "",
        "the ultrasound's index axis that slices follow; left out, the model's own; all: each in turn, three times the "
        "work",
    )

    def axes(self, own: int) -> tuple[int, ...]:
        """The slice axes, one after the other; ``own``: that of the model."""
        return (0, 1, 2) if self.slice_axis == "all" else (int(self.slice_axis or own),)


@dataclass(frozen=True)
class LiveSettings(Settings):
    """How frames of a stream are synthesised; see :class:`mmhvae.synthesis.LiveSynthesis`."""

    target: str = setting("t2", "the modality to synthesise")
    temperature: float = setting(
        SynthesisSettings.temperature, "as for a volume, with one sample a frame", low=0.0, high=LARGEST_TEMPERATURE
    )
    seed: int = setting(SynthesisSettings.seed, "of the noise, one for all frames", low=0, high=LARGEST_SEED)


@dataclass(frozen=True)
class OutlineSettings(Settings):
    """How a tumour is outlined in an ultrasound; see :func:`mmhvae.outline_ultrasound`."""

    flips: int = setting(
        4, "mirrored views that the outline is the mean of and the uncertainty the disagreement of", low=1, high=8
    )
    smallest_piece_ml: float = setting(
        0.2, "pieces of tumour smaller than this are left out", unit="ml", low=0.0, high=100.0, label="smallest piece"
    )
    overlap: float = setting(0.25, "of neighbouring windows, as a share of their sides", low=0.0, high=0.75)


@dataclass(frozen=True)
class SegmentationSettings(OutlineSettings):
    """How a tumour is outlined in MR; see :func:`mmhvae.segment_tumour`."""

    core_share: float = setting(
        0.2, "pieces with less core than this share of the piece that has most are left out", low=0.0, high=1.0
    )
    find_brain: bool = setting(True, "find the brain in whole heads, and look for tumours there alone")


@dataclass(frozen=True)
class ReconstructionSettings(Settings):
    """How a sweep is read and compounded; see :func:`mmhvae.read_sweep` and :func:`mmhvae.reconstruct`."""

    spacing: float = setting(0.5, "of the sweep's voxels", unit="mm", low=0.02, high=100.0, label="voxel spacing")
    clip: Clip | None = setting(
        None, "X Y W H: the image within the frames, in pixels of the frames turned to orientation MF"
    )
    compounding: Compounding = setting("mean", "of several frames in one voxel")
    fill_holes: bool = setting(True, "fill voxels between frames from their neighbours")
    image_frame: str = setting("Image", "what the images' coordinate frame is called in the file")
    probe_frame: str = setting("Probe", "what the probe's coordinate frame is called in the file")
    reference_frame: str = setting("Reference", "what the patient's coordinate frame is called in the file")


@dataclass(frozen=True)
class PosePrior(Settings):
    """How far navigation may be off: standard deviations of the pose around the start, see
    :mod:`mmhvae.registration.prior`.

    Attributes:
        translation_mm: of the field of view's centre along each axis.
        rotation_deg: of the rotation about each axis.
    """

    translation_mm: float = setting(
        10.0, "of the position along each axis", unit="mm", low=0.1, high=100.0, label="prior's translation"
    )
    rotation_deg: float = setting(
        5.0, "of the rotation about each axis", unit="degrees", low=0.1, high=90.0, label="prior's rotation"
    )


#: Of navigation once the skull is open, generously: with it registration and trust are rated.
NAVIGATION = PosePrior()


def _prior() -> Any:
    return setting(NAVIGATION, "how far the start may be off: standard deviations in mm and degrees")


def _preview() -> Any:
    return setting(False, "stop at 2 mm, for a first answer in about a third of the time")


@dataclass(frozen=True)
class PairSettings(Settings):
    """How one image is registered to another; see :func:`mmhvae.register_rigid`."""

    prior: PosePrior | None = _prior()
    preview: bool = _preview()
    method: Method = setting("gauss-newton", "adam: plain gradient ascent as in the paper, slower")
    metric: Metric = setting("correlation", "lc2: ultrasound to MR, unsynthesised")


@dataclass(frozen=True)
class RegistrationSettings(Settings):
    """How a whole case is registered; see :func:`mmhvae.register_case`."""

    method: Route = setting("synthesis", "by way of synthetic MR; direct: the ultrasound itself, by LC2")
    prior: PosePrior | None = _prior()
    preview: bool = _preview()
    synthesis: SynthesisSettings = setting(SynthesisSettings(), "of the synthetic MR")
    reconstruction: ReconstructionSettings = setting(ReconstructionSettings(), "of the sweep")

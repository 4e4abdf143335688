"""What the engine answers: one dataclass a task, written by the worker and read by its clients.

Files are paths; the client takes them before it lets go of its job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .fields import Record
from .settings import (
    OutlineSettings,
    ReconstructionSettings,
    RegistrationSettings,
    SegmentationSettings,
    SynthesisSettings,
)

Verdict = Literal["good", "check", "failed"]


@dataclass(frozen=True)
class BundleAnswer(Record):
    """A bundle that is loaded now; ``warm``: it was before."""

    name: str
    modalities: tuple[str, ...]
    spacing_mm: float
    licence: str
    intended_use: str
    weights_sha256: str
    warm: bool


@dataclass(frozen=True)
class ReconstructionAnswer(Record):
    """A sweep's volume and field of view, as files, and what became of its frames."""

    ultrasound: str
    field_of_view: str
    frames_used: int
    frames_dropped: int
    why_dropped: str
    settings: ReconstructionSettings


@dataclass(frozen=True)
class SynthesisAnswer(Record):
    """Synthetic images and their uncertainty by modality, as files.

    Attributes:
        uncertainty: empty where there was one sample.
        reconstruction: of the sweep, where the ultrasound was one.
        bundle, weights_sha256: of the model, which was loaded before where ``warm``.
        device, precision, seconds, notice: how the work went.
        settings: with which it was done.
    """

    images: dict[str, str]
    uncertainty: dict[str, str]
    field_of_view: str
    reconstruction: ReconstructionAnswer | None
    bundle: str
    weights_sha256: str
    warm: bool
    device: str
    precision: str
    seconds: float
    notice: str
    settings: SynthesisSettings


@dataclass(frozen=True)
class SegmentAnswer(Record):
    """One label of an outline: its value in the label map, name, colour (0 to 255), and code of its type."""

    value: int
    name: str
    colour: tuple[int, int, int]
    code: tuple[str, str, str]


@dataclass(frozen=True)
class SegmentationAnswer(Record):
    """A tumour's outline and its uncertainty, as files; see :class:`mmhvae.segmentation.TumourOutline`.

    Attributes:
        segments: what the labels are called.
        volumes_ml: of the nested regions.
        modalities: that were used.
        within: what was looked at: a brain mask, the brain that was found, or the whole image.
        bundle, weights_sha256: of the segmenter.
        device, seconds, notice: how the work went.
        settings: with which it was done.
    """

    labels: str
    uncertainty: str
    segments: tuple[SegmentAnswer, ...]
    volumes_ml: dict[str, float]
    modalities: tuple[str, ...]
    within: str
    bundle: str
    weights_sha256: str
    device: str
    seconds: float
    notice: str
    settings: SegmentationSettings


@dataclass(frozen=True)
class WitnessAnswer(Record):
    """What one route says of a registration's result; see :class:`mmhvae.registration.Witness`."""

    name: str
    distance_mm: float
    margin: float
    weight: float
    agrees: bool


@dataclass(frozen=True)
class RegistrationAnswer(Record):
    """The pose of a case, and how far it can be trusted; see :class:`mmhvae.registration.Trust`.

    Attributes:
        transform: a file, ultrasound points -> MR points, LPS mm.
        matrix: the same as 16 numbers, row by row.
        expected_error_mm: None where none can be told.
        evidence: by name; what is none is left out.
        witnesses: the routes that were asked, and ``witnessed``: which of them agree within how many mm, in a sentence.
        region_share: of the ultrasound's field of view that counted, 0 to 1; None where no region was given.
    """

    transform: str
    matrix: tuple[float, ...]
    similarity_before: float
    similarity_after: float
    converged: bool
    verdict: Verdict
    expected_error_mm: float | None
    reason: str
    evidence: dict[str, float]
    witnesses: tuple[WitnessAnswer, ...]
    witnessed: str
    moved_mm: float
    moved_deg: float
    device: str
    seconds: float
    notice: str
    settings: RegistrationSettings
    region_share: float | None


@dataclass(frozen=True)
class CaseReport(RegistrationAnswer):
    """A registered case as ``verdict.json`` tells it: the answer, and what a reader has to know of its making.

    Attributes:
        contrasts: modalities that took part.
        model, weights_sha256: "" where no model took part.
        frames_used, frames_dropped, why_dropped: of a sweep; None and "" for a volume.
        moved_along: files of segmentations that were moved.
        region: file that told which part of the ultrasound counts, "" for all of it.
        made: date and time, ISO 8601.
        versions: of the software, by name.
    """

    contrasts: tuple[str, ...]
    model: str
    weights_sha256: str
    ultrasound_size: tuple[int, ...]
    ultrasound_spacing_mm: tuple[float, ...]
    frames_used: int | None
    frames_dropped: int | None
    why_dropped: str
    moved_along: tuple[str, ...]
    region: str
    made: str
    versions: dict[str, str]
    calibration: str
    intended_use: str


@dataclass(frozen=True)
class PlacedLabel(Record):
    """What became of one label that was brought onto another grid.

    Attributes:
        value: the label's number.
        volume_mm3: of the original, in the space of the grid (a rigid transform changes none).
        on_grid_mm3: of what lies on the grid now.
        outside: share of the original's volume that lies outside the grid, 0 to 1.
        pieces: connected pieces of the original that reach the grid.
        topology_kept: whether no piece, tunnel or cavity was made or lost; voxels that are coarse beside the
            structure can make this impossible.
    """

    value: int
    volume_mm3: float
    on_grid_mm3: float
    outside: float
    pieces: int
    topology_kept: bool


@dataclass(frozen=True)
class OverlayAnswer(Record):
    """Label maps on the grid, as files by the layers' names, and what became of their labels."""

    images: dict[str, str]
    labels: dict[str, tuple[PlacedLabel, ...]]


@dataclass(frozen=True)
class OutlineAgreement(Record):
    """How well two outlines agree where both can be seen; none where one shows nothing there.

    Attributes:
        mean_mm: of the distances from each surface to the other, both ways together.
        percentile_95_mm: of the distances one way, the larger of the two ways.
        dice: 0 to 1.
    """

    mean_mm: float | None
    percentile_95_mm: float | None
    dice: float | None


@dataclass(frozen=True)
class UltrasoundOutlineAnswer(Record):
    """A tumour's outline in an ultrasound and its uncertainty, as files.

    Attributes:
        segment: what the label is called.
        agreement: with the outline that was to be compared with; None where none was.
        bundle, weights_sha256: of the segmenter.
        device, seconds, notice: how the work went.
        settings: with which it was done.
    """

    labels: str
    uncertainty: str
    segment: SegmentAnswer
    volume_ml: float
    agreement: OutlineAgreement | None
    bundle: str
    weights_sha256: str
    device: str
    seconds: float
    notice: str
    settings: OutlineSettings


@dataclass(frozen=True)
class LiveAnswer(Record):
    """A synthetic frame, as a file of a numpy array."""

    image: str
    device: str
    warm: bool
    milliseconds: float


@dataclass(frozen=True)
class WeightsAnswer(Record):
    """A model that is installed now."""

    name: str
    path: str


@dataclass(frozen=True)
class SelfTestAnswer(Record):
    """What a device computed: largest differences from the CPU, of images in [-1, 1] and as a share of gradients."""

    device: str
    network_difference: float
    gradient_difference: float
    seconds: float

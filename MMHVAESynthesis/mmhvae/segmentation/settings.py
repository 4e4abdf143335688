"""What can be asked of the segmenter. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..exceptions import InputError

MOST_FLIPS = 8


@dataclass(frozen=True)
class SegmentationSettings:
    """Settings of :func:`mmhvae.segmentation.segment_tumour`.

    Attributes:
        flips: mirrored views that the outline is the mean of and the uncertainty the disagreement of; 1, 2, 4 or 8.
        smallest_piece_ml: pieces of tumour smaller than this are left out, ml.
        overlap: of neighbouring windows, as a share of their sides; from 0 up to 0.75.
        device: auto, cpu, cuda or mps.
    """

    flips: int = 4
    smallest_piece_ml: float = 0.2
    overlap: float = 0.25
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.flips not in (1, 2, 4, MOST_FLIPS):
            raise InputError(f"{self.flips} flips were asked for; ask for 1, 2, 4 or {MOST_FLIPS}.")
        if not 0 <= self.smallest_piece_ml <= 100:  # false for NaN too
            raise InputError(f"The smallest piece is {self.smallest_piece_ml:g} ml; give a number from 0 to 100.")
        if not 0 <= self.overlap <= 0.75:
            raise InputError(f"The windows' overlap is {self.overlap:g}; give a share from 0 to 0.75.")

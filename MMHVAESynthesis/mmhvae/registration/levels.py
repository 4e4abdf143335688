"""The resolutions of a registration, coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """One resolution. Lengths in mm; `keep` tracks go on from here, and the given start's with them if `keep_first`."""

    spacing: float
    smoothing: float
    window: float
    block: float
    iterations: int
    keep: int
    keep_first: bool


LEVELS = (
    Level(spacing=4, smoothing=2.0, window=20, block=0, iterations=8, keep=5, keep_first=True),
    Level(spacing=3, smoothing=1.5, window=15, block=0, iterations=8, keep=3, keep_first=True),
    Level(spacing=2, smoothing=1.0, window=14, block=0, iterations=8, keep=1, keep_first=False),
    Level(spacing=1, smoothing=0.5, window=6, block=2, iterations=5, keep=1, keep_first=False),
)
#: A preview stops here, about a quarter of a millimetre less exact.
PREVIEW_LEVELS = LEVELS[:3]
#: Climbing ends when a point at the field of view's radius would move less than this share of the level's spacing.
TOLERANCE = 0.02
#: The moving volume is sampled at this spacing at most, even at the 4 mm level.
COARSEST_MOVING = 3.0


def level_at(spacing: float) -> Level:
    """The level of `spacing` mm.

    Raises:
        ValueError: there is none.
    """
    for level in LEVELS:
        if level.spacing == spacing:
            return level
    raise ValueError(f"There is no level of {spacing} mm; the levels are {[level.spacing for level in LEVELS]}.")

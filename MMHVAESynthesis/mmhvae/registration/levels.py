"""The resolutions of a registration, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: The usual share of a level's spacing below which a step counts as none.
TOLERANCE = 0.02
#: The same where a finer level goes on from the result anyway.
ROUGH = 0.1


@dataclass(frozen=True)
class Level:
    """One resolution. Lengths in mm; `keep` tracks go on from here, and the given start's with them if `keep_first`.

    The field of view is eroded by the share `erosion` of what is asked for. Its edge misleads the search for the right
    peak, which is the coarse levels'; on the peak it pulls little, and more voxels place it better. In a synthetic
    image the edge pulls on the peak, too: there the network saw the surroundings on one side only. Its windows
    therefore count the less the nearer the edge they lie, within `fading` mm of it (see :func:`.masks.fading`); 0 for
    not at all.

    A track's climb ends when its next step would move a point at the field of view's radius by less than `tolerance`
    times the spacing, or when one of less than five times as much did not help.

    At the coarsest level poses moved by each of `offsets` (mm) along each axis are scored, then the best `turned` of
    them also turned; the best `starts` of all climb, beside the given one.
    """

    spacing: float
    smoothing: float
    window: float
    block: float
    iterations: int
    keep: int
    keep_first: bool
    erosion: float = 1.0
    fading: float = 0.0
    tolerance: float = TOLERANCE
    offsets: tuple[float, ...] = (-9.0, 0.0, 9.0)
    turned: int = 8
    starts: int = 7


#: For local correlation. Blocks of two voxels a side: every second window a direction, which loses nothing.
LEVELS = (
    Level(spacing=4, smoothing=2.0, window=20, block=8, iterations=8, keep=5, keep_first=True, tolerance=ROUGH),
    Level(spacing=3, smoothing=1.5, window=15, block=6, iterations=8, keep=3, keep_first=True, tolerance=ROUGH),
    Level(spacing=2, smoothing=1.0, window=14, block=4, iterations=8, keep=1, keep_first=False),
    Level(
        spacing=1, smoothing=0.5, window=10, block=2, iterations=10, keep=1, keep_first=False, erosion=0.25, fading=8
    ),
)
#: For LC2, which knows a pose by thin interfaces: less smoothing, hence narrower peaks, more starts and more tracks.
LC2_LEVELS = (
    Level(
        spacing=3,
        smoothing=0.7,
        window=15,
        block=0,
        iterations=10,
        keep=10,
        keep_first=True,
        offsets=(-12.0, -6.0, 0.0, 6.0, 12.0),
        turned=16,
        starts=23,
    ),
    Level(spacing=2, smoothing=0.5, window=14, block=0, iterations=10, keep=4, keep_first=True),
    Level(spacing=1, smoothing=0.5, window=6, block=2, iterations=8, keep=1, keep_first=False),
)
#: A preview stops at this spacing, about a tenth of a millimetre less exact.
PREVIEW_SPACING = 2.0
#: Coarser levels sample the moving volume on this one's grid, smoothed further.
FINEST_OF_COARSE = 2.0


def level_at(levels: Sequence[Level], spacing: float) -> Level:
    """The level of `spacing` mm.

    Raises:
        ValueError: there is none.
    """
    for level in levels:
        if level.spacing == spacing:
            return level
    raise ValueError(f"There is no level of {spacing} mm; the levels are {[level.spacing for level in levels]}.")

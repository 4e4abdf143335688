"""A volume at the resolutions of a registration. Each is made once, however many problems share the volume."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .levels import Level
from .masks import eroded
from .volumes import Volume, level_volume, reduced


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Levels of one volume.

    Attributes:
        base: the volume at about 1 mm.
    """

    base: Volume
    _insets: dict[float, Volume] = field(default_factory=dict)
    _levels: dict[Level, Volume] = field(default_factory=dict)

    def inset(self, distance: float) -> Volume:
        """The base volume without what lies less than `distance` mm from the edge of its mask."""
        if distance not in self._insets:
            weights = eroded(self.base.weights, self.base.spacing, distance)
            self._insets[distance] = replace(self.base, weights=weights)
        return self._insets[distance]

    def fixed(self, level: Level, inset: float) -> Volume:
        """One level, its mask eroded by `inset` mm."""
        return level_volume(self.inset(inset), level.spacing, level.smoothing)

    def moving(self, level: Level, finest: Level) -> Volume:
        """One level of a volume to be sampled anywhere: on the grid of `finest`, or of the level where that is finer.

        Coarser ones are smoothed from `finest`, which holds an eighth of the base volume's voxels at 2 mm.
        """
        if level not in self._levels:
            self._levels[level] = (
                level_volume(self.base, level.spacing, level.smoothing)
                if level.spacing <= finest.spacing
                else reduced(self.moving(finest, finest), level.smoothing, [1, 1, 1])
            )
        return self._levels[level]

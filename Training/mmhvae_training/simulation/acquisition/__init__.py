"""A tracked freehand ultrasound sweep of an anatomy, one physical effect a module."""

from .acquisition import AcquiredSweep, Acquisition, acquire, draw_acquisition, volume_grid
from .grain import with_grain
from .tracking import TrackedFrames
from .trajectory import Poses

__all__ = [
    "AcquiredSweep",
    "Acquisition",
    "Poses",
    "TrackedFrames",
    "acquire",
    "draw_acquisition",
    "volume_grid",
    "with_grain",
]

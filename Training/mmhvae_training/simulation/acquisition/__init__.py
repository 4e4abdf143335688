"""A tracked freehand ultrasound sweep of an anatomy, one physical effect a module."""

from .acquisition import AcquiredSweep, Acquisition, acquire, draw_acquisition, volume_grid

__all__ = ["AcquiredSweep", "Acquisition", "acquire", "draw_acquisition", "volume_grid"]

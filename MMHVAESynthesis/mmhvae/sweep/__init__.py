"""Tracked ultrasound frames: read, write, reconstruct."""

from __future__ import annotations

from .calibration import read_calibration
from .frames import ArrayFrames, Frames, Sweep
from .reconstruction import Reconstruction, reconstruct
from .sequence_file import read_frames, read_sweep, write_sequence, write_sweep

__all__ = [
    "ArrayFrames",
    "Frames",
    "Reconstruction",
    "Sweep",
    "read_calibration",
    "read_frames",
    "read_sweep",
    "reconstruct",
    "write_sequence",
    "write_sweep",
]

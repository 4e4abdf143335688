"""Tracked ultrasound frames: read, write, reconstruct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .calibration import read_calibration as read_calibration
    from .chain import Edge as Edge, edges_named as edges_named, find_chain as find_chain
    from .frame_usability import usable_frames as usable_frames
    from .frames import ArrayFrames as ArrayFrames, FloatArray as FloatArray, Frames as Frames, Sweep as Sweep
    from .grid import gap_radius as gap_radius
    from .hole_filling import filled as filled
    from .image_region import (
        brightest as brightest,
        echo_region as echo_region,
        require_clip as require_clip,
    )
    from .metaimage import write_metaimage_header as write_metaimage_header
    from .pixels import luminance as luminance
    from .recognition import is_sequence as is_sequence
    from .reconstruction import (
        Reconstruction as Reconstruction,
        clipped_frames as clipped_frames,
        compound as compound,
        reconstruct as reconstruct,
    )
    from .sequence_file import (
        read_frames as read_frames,
        read_sweep as read_sweep,
        write_sequence as write_sequence,
        write_sweep as write_sweep,
    )
    from .splatting import Pixels as Pixels
else:
    __getattr__ = lazy_names(__name__, __file__)

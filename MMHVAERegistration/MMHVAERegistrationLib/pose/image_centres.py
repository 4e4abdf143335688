"""The middles of images, RAS mm in world coordinates: of an MR where the navigation shows it, and of an ultrasound."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.sweep import read_calibration, read_sweep
from MMHVAESynthesisLib.nodes import Matrix, ijk_to_ras, ijk_to_world, tracked_frames
from MMHVAESynthesisLib.synthesis import Request
from numpy.typing import NDArray

from .result_transform import before_to_world

Point = NDArray[np.float64]


def middle_of_mr(node: Any) -> Point:
    """(3,) of a volume node, without the registration that it lies under."""
    return _middle(node, before_to_world(node) @ ijk_to_ras(node))


def middle_of_volume(node: Any) -> Point:
    """(3,) of a volume node where it is."""
    return _middle(node, ijk_to_world(node))


def _middle(node: Any, place: Matrix) -> Point:
    middle: Point = (place @ [*((size - 1) / 2 for size in node.GetImageData().GetDimensions()), 1])[:3]
    return middle


def middle_of_ultrasound(request: Request) -> Point:
    """(3,) of a volume, or the mean of the middles of all tracked frames.

    Raises:
        InputError: there is none, or no frame can be placed.
    """
    if request.sweep_path:
        calibration = read_calibration(request.calibration) if request.calibration else None
        sweep = read_sweep(request.sweep_path, calibration)
        poses, (height, width) = list(sweep.image_to_reference[sweep.valid]), sweep.frames.shape
    elif request.browser is not None:
        frames = tracked_frames(request.browser, request.calibration)
        found = (frames.pose(number) for number in range(len(frames)))
        poses, (height, width) = [pose for pose in found if pose is not None], frames.pixels(0).shape
    elif not request.volumes:
        raise InputError("There is no ultrasound; choose one.")
    else:
        return middle_of_volume(request.volumes["us"])
    if not poses:
        raise InputError("No frame of the sweep has a place; check its tracking and its calibration.")
    middle: Point = (np.mean(poses, axis=0) @ [(width - 1) / 2, (height - 1) / 2, 0, 1])[:3]
    return middle

"""Pairs of images that share one pose, checked and turned into volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..exceptions import InputError
from ..images import Matrix, apply_matrix, field_of_view, same_grid
from . import volumes
from .masks import eroded
from .volumes import Volume

#: The moving image is cropped to the field of view at the start, plus this many mm: no start leads further.
REACH = 32.0
#: Fewer voxels in the fixed mask than this cannot hold six parameters down.
MINIMUM_VOXELS = 500
#: About how many of its points stand for the field of view where its outline is enough.
OUTLINE_POINTS = 5000


@dataclass(frozen=True)
class Channel:
    """One pair of images. Several share one pose: the pre-operative MRs of a patient lie on each other.

    Attributes:
        fixed, moving: three-dimensional scalar images on any grids, of any contrast.
        fixed_mask: the field of view, voxel > 0, on any grid; by default :func:`mmhvae.images.field_of_view` of the
            fixed image.
        moving_mask: where the moving image holds anatomy, on any grid; by default everything but exact zeros
            connected to the border (what resampling, defacing or skull-stripping leave behind).
        signed: both images have the same contrast (a synthetic and a real image of one modality): correlation counts
            with its sign instead of squared.
        weight: of this pair beside others, positive; only ratios matter.
        uncertainty: the synthesis's standard deviation, on any grid; windows count by the certainty
            1 / (1 + (deviation / its median)^2), so that only its ratios between places matter.
        name: what messages call the pair, such as "t2".
        strength: what the bundle's own evaluation says of synthesis in this contrast, 0 to 1; None where it says
            nothing. For trust's witnesses alone.
    """

    fixed: sitk.Image
    moving: sitk.Image
    fixed_mask: sitk.Image | None = None
    moving_mask: sitk.Image | None = None
    signed: bool = False
    weight: float = 1.0
    uncertainty: sitk.Image | None = None
    name: str = ""
    strength: float | None = None

    def called(self, what: str) -> str:
        """ "fixed image", or "fixed image of t2" for a named pair."""
        return f"{what} of {self.name}" if self.name else what


@dataclass(frozen=True)
class FieldOfView:
    """Where the fixed images of all pairs are looked at.

    Attributes:
        centre: (3,) LPS mm, the mean of the fields of view.
        radius: mm, the root mean square of the distances to the centre.
        points: (N, 3) LPS mm relative to the centre, a few thousand that outline the fields of view.
    """

    centre: NDArray[np.float64]
    radius: float
    points: NDArray[np.float64]


def check_channels(channels: Sequence[Channel]) -> None:
    """Raises InputError unless there are channels and each weight is positive."""
    if not channels:
        raise InputError("There is nothing to register; give at least one pair of images.")
    for channel in channels:
        if not (np.isfinite(channel.weight) and channel.weight > 0):
            raise InputError(f"The weight of {channel.name or 'a pair'} is not positive; give one above 0.")


def fixed_side(channel: Channel, erosion: float, device: torch.device) -> Volume:
    """The fixed image at about 1 mm, cropped to its field of view, which is eroded by `erosion` mm."""
    image, name = channel.fixed, channel.called("fixed image")
    volumes.check_image(image, name)
    mask = field_of_view(image) if channel.fixed_mask is None else channel.fixed_mask
    mask = volumes.on_grid_of(mask, image, channel.called("fixed mask"))
    box = volumes.box_of_mask(mask)
    count = 0 if box is None else int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
    if box is None or count < MINIMUM_VOXELS:
        raise InputError(
            f"The {channel.called('fixed mask')} covers {count} voxels of the fixed image, "
            "too few to register; give a larger one."
        )
    image, mask = sitk.RegionOfInterest(image, *box), sitk.RegionOfInterest(mask, *box)
    volume = volumes.to_volume(image, mask, name, device)
    if channel.uncertainty is not None:
        volume = replace(volume, certainty=_certainty(channel, image, volume.weights))
    volume = volumes.base_volume(volume)
    return replace(volume, weights=eroded(volume.weights, volume.spacing, erosion))


def _certainty(channel: Channel, image: sitk.Image, weights: Tensor) -> Tensor:
    """(D, H, W) in [0, 1]: 1 / (1 + (deviation / its median in the field of view)^2)."""
    assert channel.uncertainty is not None
    name = channel.called("uncertainty")
    volumes.check_image(channel.uncertainty, name)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    resampled = sitk.Resample(channel.uncertainty, image, identity, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    deviation = torch.from_numpy(sitk.GetArrayFromImage(resampled)).to(weights.device)
    inside = deviation[weights > 0]
    if not bool(torch.isfinite(inside).all()) or bool((inside < 0).any()):
        raise InputError(f"The {name} holds voxels that are negative or not finite; give standard deviations.")
    median = float(inside.median())
    if median == 0:
        return torch.ones_like(deviation)
    return 1 / (1 + (deviation / median).nan_to_num(posinf=0.0).square())


def pooled_field_of_view(fixed: Sequence[Volume]) -> FieldOfView:
    """The field of view of all fixed volumes together."""
    outlines = []
    for volume in fixed:
        indices = volume.mask_indices()
        step = max(1, len(indices) * len(fixed) // OUTLINE_POINTS)
        outlines.append(apply_matrix(volume.matrix, indices[::step]))
    points = np.concatenate(outlines)
    centre = points.mean(axis=0)
    points = points - centre
    return FieldOfView(centre, float(np.sqrt((points**2).sum(axis=1).mean())), points)


def moving_side(channel: Channel, start: Matrix, view: FieldOfView, device: torch.device) -> Volume:
    """The moving image at about 1 mm, cropped to what lies within reach of the field of view at the start."""
    image = channel.moving
    volumes.check_image(image, channel.called("moving image"))
    box = volumes.box_around(image, apply_matrix(start, view.points), REACH)
    if box is None:
        raise no_overlap(channel)
    cropped, mask = sitk.RegionOfInterest(image, *box), channel.moving_mask
    if mask is None:
        mask = volumes.without_background(cropped)
    elif same_grid(mask, image):  # cropping is much faster than resampling
        mask = sitk.RegionOfInterest(mask, *box)
    mask = volumes.on_grid_of(mask, cropped, channel.called("moving mask"))
    if not sitk.GetArrayViewFromImage(mask).any():
        raise no_overlap(channel)
    return volumes.base_volume(volumes.to_volume(cropped, mask, channel.called("moving image"), device))


def no_overlap(channel: Channel) -> InputError:
    """What is said where the moving image covers next to nothing of the field of view."""
    return InputError(
        f"The {channel.called('moving image')} hardly overlaps the fixed image's field of view; "
        "give an initial transform that brings it there."
    )

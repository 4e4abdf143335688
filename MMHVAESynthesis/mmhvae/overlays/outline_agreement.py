"""How well two outlines agree: distance between their surfaces, and Dice, where an ultrasound sees both.

A surface is the voxels of an outline with a neighbour (of six) that is seen and not of the outline. Where the field of
view cuts an outline there is no surface: nobody knows how it goes on. Distances are between voxels' centres.

Nothing here needs torch: it runs in Slicer's own process too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..answers import OutlineAgreement
from ..exceptions import InputError
from ..images import image_on, same_grid
from .label_maps import label_array, overlay

Mask = NDArray[np.bool_]


def compare_outlines(
    first: sitk.Image,
    second: sitk.Image,
    field_of_view: sitk.Image | None = None,
    transform: sitk.Transform | None = None,
) -> OutlineAgreement:
    """Distance and overlap of two outlines on the grid of the first.

    Args:
        first: 3-D label map, an outline wherever it is not 0.
        second: the same on any grid; on another one than the first's, each connected piece is brought onto it by
            :func:`mmhvae.overlay`, its volume and topology kept.
        field_of_view: on the first's grid, not 0 where something is seen; by default it is seen everywhere, and
            outlines end at the grid's edge.
        transform: points of the first -> points of the second, LPS mm; linear, such as a registration's result.

    Returns:
        Mean and 95 % distance (mm) and Dice; none where one of the outlines shows nothing there.

    Raises:
        InputError: one is no label map, the field of view is on another grid, or the transform is not linear.
    """
    own = label_array(first) > 0
    seen = np.ones(own.shape, bool) if field_of_view is None else _seen(field_of_view, first)
    other = _on_grid_of(first, second, transform)
    edge = field_of_view is None
    a, b = _Outline.of(own, seen, edge), _Outline.of(other, seen, edge)
    if not (a.inside.any() and b.inside.any()):
        return OutlineAgreement(None, None, None)
    dice = 2 * int((a.inside & b.inside).sum()) / (int(a.inside.sum()) + int(b.inside.sum()))
    if not (a.surface.any() and b.surface.any()):
        return OutlineAgreement(None, None, dice)
    ways = [_distances(x.surface, y.surface, first) for x, y in ((a, b), (b, a))]
    farthest = max(float(np.percentile(way, 95)) for way in ways)
    return OutlineAgreement(float(np.concatenate(ways).mean()), farthest, dice)


@dataclass(frozen=True)
class _Outline:
    """What is seen of an outline: its voxels, and those on its surface."""

    inside: Mask
    surface: Mask

    @staticmethod
    def of(outline: Mask, seen: Mask, edge: bool) -> _Outline:
        """``edge``: beyond the grid it is known that there is none."""
        outside = np.pad(seen & ~outline, 1, constant_values=edge)
        beside = np.zeros(outline.shape, bool)
        for axis in range(3):
            for first in (0, 2):
                place = [slice(1, -1)] * 3
                place[axis] = slice(first, first + outline.shape[axis])
                beside |= outside[tuple(place)]
        inside = outline & seen
        return _Outline(inside, inside & beside)


def _seen(field_of_view: sitk.Image, reference: sitk.Image) -> Mask:
    if not same_grid(field_of_view, reference):
        raise InputError("The field of view is not on the outline's grid; give that of the same ultrasound.")
    return np.asarray(sitk.GetArrayFromImage(field_of_view) != 0)


def _on_grid_of(first: sitk.Image, second: sitk.Image, transform: sitk.Transform | None) -> Mask:
    labels = label_array(second) > 0
    if transform is None and same_grid(second, first):
        return labels
    binary = image_on(labels.astype(np.uint8), second)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    return np.asarray(sitk.GetArrayFromImage(overlay(binary, transform or identity, first)[0]) > 0)


def _distances(surface: Mask, other: Mask, grid: sitk.Image) -> NDArray[np.float64]:
    """From every voxel of a surface to the nearest one of the other, mm."""
    hit = [np.flatnonzero((surface | other).any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    box = tuple(slice(int(h[0]), int(h[-1]) + 1) for h in hit)
    image = sitk.GetImageFromArray(other[box].astype(np.uint8))
    image.SetSpacing(grid.GetSpacing())
    away = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    return np.maximum(sitk.GetArrayFromImage(away)[surface[box]].astype(np.float64), 0.0)

"""The report's figures: one plane through the ultrasound, with the plan's outline and the MR, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.images import flip_points
from MMHVAESynthesisLib.nodes import (
    FLIP,
    Matrix,
    ijk_to_ras,
    image_at,
    is_visible,
    label_layers,
    parent_to_world,
    voxels,
)
from numpy.typing import NDArray
from slicer.i18n import tr as _

from ..pose import before_to_world
from .drawing import Grey, draw_line, draw_scale, grey_picture, outlines, png
from .page import Picture

#: Columns and rows of a picture, of which the longer side has this many pixels.
PIXELS = 520
#: mm that are shown around the ultrasound.
MARGIN = 6.0
SCALE_MM = 10.0
BEFORE, AFTER, EDGE = (255, 159, 28), (46, 196, 255), (225, 225, 225)
#: Points that are looked at to find the ultrasound's extent.
_MOST_POINTS = 40_000


@dataclass(frozen=True)
class View:
    """A plane seen as radiologists do: RAS directions of columns and (downward) rows, and the sides at its edges."""

    right: tuple[float, float, float]
    down: tuple[float, float, float]
    sides: tuple[str, str, str, str]


VIEWS = (
    View((-1, 0, 0), (0, -1, 0), ("R", "L", "A", "P")),
    View((-1, 0, 0), (0, 0, -1), ("R", "L", "S", "I")),
    View((0, -1, 0), (0, 0, -1), ("A", "P", "S", "I")),
)


def pictures(ultrasound: Any, mr: Any, plans: Sequence[Any], is_used: bool) -> list[Picture]:
    """Four pictures: the ultrasound above, the MR below; on the left as the navigation has it, on the right after.

    The plane is the one of the three anatomical ones that shows most of the plan.

    Args:
        ultrasound: volume node.
        mr: volume node, or None: then there are two pictures.
        plans: segmentation nodes, which may be none.
        is_used: whether the registration moves anything; otherwise "after" says that nothing was moved.

    Raises:
        InputError: a transform bends one of them.
    """
    echoes = _placed_image(ultrasound, parent_to_world(ultrasound))
    before = [_plan_image(node, before_to_world(node)) for node in plans]
    after = [_plan_image(node, parent_to_world(node)) for node in plans]
    before, after = ([image for image in images if image is not None] for images in (before, after))
    view, grid = _plane(echoes, after)
    lines = [[line for image in images for line in outlines(_on(image, grid, 0.0))] for images in (before, after)]
    seen = _on(echoes, grid, 0.0)
    limits = (0.0, float(np.percentile(seen[seen > 0], 99.5))) if (seen > 0).any() else (0.0, 1.0)
    echo = grey_picture(seen, *limits)
    spacing = grid.GetSpacing()[0]
    late = _("after registration") if is_used else _("registration not used: nothing moved")
    titles = (_("before, as navigation shows it"), late)
    made = [
        _picture(f"{_('Ultrasound')}: {titles[0]}", echo, [(lines[0], True)], view, spacing),
        _picture(f"{_('Ultrasound')}: {titles[1]}", echo, [(lines[0], True), (lines[1], False)], view, spacing),
    ]
    if mr is not None:
        edge = list(outlines((seen > 0).astype(np.float32)))
        for title, place, drawn, dashed in zip(
            titles, (before_to_world(mr), parent_to_world(mr)), lines, (True, False), strict=True
        ):
            image = _on(_placed_image(mr, place), grid, np.nan)
            grey = grey_picture(image, *_mr_limits(image))
            for line in edge:
                draw_line(grey, line, EDGE, 1.5)
            made.append(_picture(f"{_('MR')}: {title}", grey, [(drawn, dashed)], view, spacing))
    return made


def _mr_limits(image: Grey) -> tuple[float, float]:
    known = image[np.isfinite(image)]
    return (float(np.percentile(known, 1)), float(np.percentile(known, 99.5))) if known.size else (0.0, 1.0)


def _picture(title: str, grey: Any, drawn: Sequence[tuple[Any, bool]], view: View, spacing: float) -> Picture:
    picture = grey.copy()
    for lines, dashed in drawn:
        for line in lines:
            draw_line(picture, line, BEFORE if dashed else AFTER, 2.5, dashed)
    draw_scale(picture, SCALE_MM / spacing)
    return Picture(title, png(picture), view.sides)


def _placed_image(node: Any, to_world: Matrix) -> sitk.Image:
    return image_at(voxels(node), to_world @ ijk_to_ras(node))


def _plan_image(node: Any, to_world: Matrix) -> sitk.Image | None:
    """The visible segments of a node as one mask in the world, smooth between voxels; None where it is empty."""
    union: sitk.Image | None = None
    for layer in label_layers(node, lambda name: is_visible(node, name)):
        mask = sitk.Cast(layer.image > 0, sitk.sitkFloat32)
        union = mask if union is None else sitk.Maximum(union, sitk.Resample(mask, union))
    if union is None:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(union.GetDirection(), (3, 3)) * np.array(union.GetSpacing())
    matrix[:3, 3] = union.GetOrigin()
    return image_at(sitk.GetArrayFromImage(sitk.ConstantPad(union, [1] * 3, [1] * 3, 0.0)), _unpadded(to_world, matrix))


def _unpadded(to_world: Matrix, ijk_to_lps: Matrix) -> Matrix:
    """From the indices of an image with a border of one voxel to RAS mm."""
    border = np.eye(4)
    border[:3, 3] = -1
    return to_world @ FLIP @ ijk_to_lps @ border


def _plane(echoes: sitk.Image, plans: Sequence[sitk.Image]) -> tuple[View, sitk.Image]:
    """The view that shows most of the plan within the ultrasound (or of that alone), and its grid of pixels."""
    seen = _world_points(echoes, 0.0)
    marked = np.concatenate([np.empty((0, 3)), *(_world_points(image, 0.5) for image in plans)])
    low, high = seen.min(axis=0), seen.max(axis=0)
    inside = ((marked >= low) & (marked <= high)).all(axis=1)
    centre = marked[inside].mean(axis=0) if inside.any() else (low + high) / 2
    choices = [(view, _grid(view, centre, low, high)) for view in VIEWS]
    return max(choices, key=lambda choice: _shown(choice[1], echoes, plans if inside.any() else ()))


def _shown(grid: sitk.Image, echoes: sitk.Image, plans: Sequence[sitk.Image]) -> float:
    """mm2 of the ultrasound in a plane; of the plan within it, where there is one."""
    mask = _on(echoes, grid, 0.0) > 0
    if plans:
        mask = mask & np.any([_on(image, grid, 0.0) > 0.5 for image in plans], axis=0)
    return float(mask.sum()) * grid.GetSpacing()[0] ** 2


def _world_points(image: sitk.Image, above: float) -> NDArray[np.float64]:
    """(N, 3) RAS mm of voxels above a value, or of all where there are none; not all of many."""
    array = sitk.GetArrayViewFromImage(image)
    places = np.argwhere(array > above)
    if not len(places):
        places = np.argwhere(np.ones_like(array, bool))
    places = places[:: max(1, len(places) // _MOST_POINTS), ::-1]
    matrix = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    return flip_points(places @ matrix.T + np.array(image.GetOrigin()))


def _grid(view: View, centre: Any, low: Any, high: Any) -> sitk.Image:
    """Pixels of a view through ``centre`` that show the box from ``low`` to ``high``, RAS mm."""
    right, down = np.array(view.right, float), np.array(view.down, float)
    middle = (low + high) / 2
    normal = np.cross(right, down)
    middle = middle + normal * (normal @ (np.asarray(centre) - middle))
    extents = [float(np.abs(axis) @ (high - low)) + 2 * MARGIN for axis in (right, down)]
    spacing = max(extents) / PIXELS
    size = [max(2, round(extent / spacing)) for extent in extents]
    corner = middle - right * (size[0] - 1) / 2 * spacing - down * (size[1] - 1) / 2 * spacing
    grid = sitk.Image([*size, 1], sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetOrigin(flip_points(corner).tolist())
    grid.SetDirection(flip_points(np.stack([right, down, normal])).T.ravel().tolist())
    return grid


def _on(image: sitk.Image, grid: sitk.Image, outside: float) -> Grey:
    """An image in a plane, (H, W)."""
    plane = sitk.Resample(image, grid, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear, outside, sitk.sitkFloat32)
    return np.array(sitk.GetArrayViewFromImage(plane)[0])

"""Results in the slice views: over the ultrasound, with their uncertainty as colours or as contours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..nodes import find_helper, follow, ijk_to_ras, image_data, new_helper, to_vtk, voxels
from ..synthesis import ANCHOR, KIND, LEVELS, MODALITY, Results, level_colours

OFF, CONTOURS, COLOURS = "off", "contours", "colours"
#: How much of the image the colours of uncertainty let through.
COLOURS_OPACITY = 0.5
_LEVELS_CLASS, _LEVELS_OF = "vtkMRMLLabelMapVolumeNode", "MMHVAE.LevelsOf"


def show_results(results: Results, which: str, opacity: float, uncertainty_display: str = OFF) -> None:
    """Show one result in all slice views.

    Args:
        results: nodes in the scene; without any, nothing is changed.
        which: the modality whose synthetic image lies over the background; one that there is no image of, such as
            "us", leaves the background alone.
        opacity: of that image, 0 to 1.
        uncertainty_display: "off", "contours" or "colours".
    """
    if not results.nodes:
        return
    background, image = background_of(results), results.images.get(which)
    uncertainty = results.uncertainty.get(which) if uncertainty_display != OFF else None
    label = _label_for(uncertainty, uncertainty_display)
    for composite, slice_node in _slice_views():
        if background is not None and composite.GetBackgroundVolumeID() != background.GetID():
            composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(image.GetID() if image is not None else None)
        composite.SetForegroundOpacity(opacity)
        _set_label(composite, slice_node, label, uncertainty_display)


def take_out_uncertainty() -> None:
    """Take contours and colours of uncertainty out of all slice views: what they are about is not shown any more."""
    for composite, slice_node in _slice_views():
        _set_label(composite, slice_node, None, OFF)


def take_out_orphan(composite: Any, slice_node: Any) -> None:
    """Take contours and colours out of a view that does not show the image that they are about any more."""
    label = slicer.mrmlScene.GetNodeByID(composite.GetLabelVolumeID() or "")
    if label is None or label.GetAttribute(KIND) not in ("uncertainty", "levels"):
        return
    about = label.GetAttribute(MODALITY)
    layers = (composite.GetForegroundVolumeID(), composite.GetBackgroundVolumeID())
    shown = [slicer.mrmlScene.GetNodeByID(volume) for volume in layers if volume]
    if not any(
        node is not None and node.GetAttribute(KIND) == "image" and node.GetAttribute(MODALITY) == about
        for node in shown
    ):
        _set_label(composite, slice_node, None, OFF)


def background_of(results: Results) -> Any:
    """What the results lie over: the reconstructed sweep, or the input whose grid they have; None if it is gone."""
    if results.ultrasound is not None:
        return results.ultrasound
    anchor = results.nodes[0].GetNodeReference(ANCHOR) if results.nodes else None
    return anchor if anchor is not None and anchor.IsA("vtkMRMLVolumeNode") else None


def _slice_views() -> Iterator[tuple[Any, Any]]:
    """Each view's composite node with its slice node; they share the name of a layout."""
    slices = {node.GetLayoutName(): node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        yield composite, slices.get(composite.GetLayoutName())


def _label_for(uncertainty: Any, how: str) -> Any:
    """The volume for the label layer: it is drawn on top of both others, in its own colours."""
    if uncertainty is None:
        return None
    return uncertainty if how == COLOURS else _levels_of(uncertainty)


def _set_label(composite: Any, slice_node: Any, label: Any, how: str) -> None:
    current = slicer.mrmlScene.GetNodeByID(composite.GetLabelVolumeID() or "")
    is_ours = current is not None and current.GetAttribute(KIND) in ("uncertainty", "levels")
    if label is None:
        if is_ours:  # a label map of the user's stays
            composite.SetLabelVolumeID(None)
            composite.SetLabelOpacity(1.0)
            _set_outline(slice_node, False)
        return
    composite.SetLabelVolumeID(label.GetID())
    composite.SetLabelOpacity(COLOURS_OPACITY if how == COLOURS else 1.0)
    _set_outline(slice_node, how == CONTOURS)


def _set_outline(slice_node: Any, is_on: bool) -> None:
    if slice_node is not None:
        slice_node.SetUseLabelOutline(is_on)


def _levels_of(uncertainty: Any) -> Any:
    """A label map whose outlines are the contours of ``uncertainty`` at ``LEVELS``; one a scene, never saved."""
    node = _levels_node() or _new_levels_node()
    state = f"{uncertainty.GetID()} {uncertainty.GetImageData().GetMTime()}"
    if node.GetAttribute(_LEVELS_OF) != state:
        values = voxels(uncertainty)
        levels = np.zeros(values.shape, np.uint8)
        for level in LEVELS:
            levels += values >= np.float32(level)
        node.SetAndObserveImageData(image_data(levels))
        node.SetAttribute(_LEVELS_OF, state)
    node.SetAttribute(MODALITY, uncertainty.GetAttribute(MODALITY))
    node.SetIJKToRASMatrix(to_vtk(ijk_to_ras(uncertainty)))
    follow(node, uncertainty)
    return node


def _levels_node() -> Any:
    return find_helper(_LEVELS_CLASS, KIND, "levels")


def _new_levels_node() -> Any:
    node = new_helper(_LEVELS_CLASS, _("SYNTHETIC uncertainty contours"), KIND, "levels")
    node.GetDisplayNode().SetAndObserveColorNodeID(level_colours().GetID())
    return node

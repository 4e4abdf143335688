"""The node that the live view shows: a single slice, in the place that its frame had."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from mmhvae.images import MODALITIES
from numpy.typing import NDArray
from slicer.i18n import tr as _

from ..nodes import Matrix, image_data, to_vtk, voxels
from ..synthesis import KIND, MODALITY, set_up_image

#: Outside the field of view the image is 0, and lets through what lies beneath.
_LEAST_SHOWN = 1e-6


def new_live_node(modality: str) -> Any:
    """A node for the synthetic frames of ``modality``; it is not saved unless :func:`keep` is called."""
    name = _("SYNTHETIC {contrast} live").format(contrast=MODALITIES[modality].name)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAttribute(KIND, "image")  # so that the slice views write SYNTHETIC over it
    node.SetAttribute(MODALITY, modality)
    node.CreateDefaultDisplayNodes()
    set_up_image(node, modality)
    display = node.GetDisplayNode()
    display.SetThreshold(_LEAST_SHOWN, 1e6)
    display.SetApplyThreshold(True)
    for part in (node, display):
        part.SetSaveWithScene(False)
    return node


def keep(node: Any) -> None:
    """Have the node saved with the scene: it is a picture now, and changes no more."""
    for part in (node, node.GetDisplayNode()):
        part.SetSaveWithScene(True)


def fill(node: Any, frame: NDArray[np.float32], place: Matrix) -> None:
    """Show ``frame`` (H, W) in its place, (4, 4) to RAS mm in the world; views hear of both at once."""
    with slicer.util.NodeModify(node):
        node.SetIJKToRASMatrix(to_vtk(place))
        image = node.GetImageData()
        if image is None or image.GetDimensions() != (*reversed(frame.shape), 1):
            node.SetAndObserveImageData(image_data(frame[None]))
        else:
            voxels(node)[0] = frame
            image.GetPointData().GetScalars().Modified()
            image.Modified()

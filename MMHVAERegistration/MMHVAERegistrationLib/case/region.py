"""A box or a segmentation within which the ultrasound is registered: outside of it, it is background."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import vtk
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import FileImage, Matrix, parent_to_world, to_array, to_vtk
from MMHVAESynthesisLib.views import surfaces_of
from numpy.typing import NDArray
from slicer.i18n import tr as _
from vtk.util import numpy_support

#: Voxels of the ultrasound that have to be left to register.
FEWEST_VOXELS = 1000


def within(image: FileImage, region: Any) -> FileImage:
    """``image``, whose place is in the world, with 0 outside of ``region``, a ROI or a segmentation node.

    Raises:
        InputError: hardly anything is left.
    """
    inside = np.zeros(image.array.shape, bool)
    for polygons, place in _surfaces(region):
        inside |= _inside(polygons, np.linalg.inv(image.ijk_to_ras) @ place, image.array.shape)
    kept = np.where(inside, image.array, 0).astype(image.array.dtype)
    if np.count_nonzero(kept) < FEWEST_VOXELS:
        text = _("Hardly any of the ultrasound lies within {region}; choose another region, or none.")
        raise InputError(text.format(region=region.GetName()))
    return FileImage(kept, image.ijk_to_ras)


def _surfaces(region: Any) -> Iterator[tuple[Any, Matrix]]:
    """Closed surfaces, and where they lie: (4, 4) to the world, RAS mm."""
    if region.IsA("vtkMRMLMarkupsROINode"):
        box = vtk.vtkCubeSource()
        box.SetXLength(region.GetSize()[0])
        box.SetYLength(region.GetSize()[1])
        box.SetZLength(region.GetSize()[2])
        box.Update()
        yield box.GetOutput(), to_array(region.GetObjectToWorldMatrix())
    else:
        for surface in surfaces_of(region):
            yield surface.polygons, parent_to_world(region)


def _inside(polygons: Any, to_indices: Matrix, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(k, j, i) voxels whose middle lies within polygons that ``to_indices`` takes to indices."""
    transform = vtk.vtkTransform()
    transform.SetMatrix(to_vtk(to_indices))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputData(polygons)
    moved.SetTransform(transform)
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputConnection(moved.GetOutputPort())
    stencil.SetOutputWholeExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    found = numpy_support.vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    inside: NDArray[np.bool_] = found.reshape(shape) > 0
    return inside

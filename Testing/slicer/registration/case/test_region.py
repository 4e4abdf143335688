"""A box or a segmentation within which the ultrasound is registered: which voxels are left, wherever both lie."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import pytest
import slicer
import vtk
from mmhvae import InputError
from MMHVAERegistrationLib.case.region import within
from MMHVAESynthesisLib.nodes.volume_files import FileImage

from ...made_nodes import pose, transform, vtk_matrix

SHAPE, MIDDLE, RADIUS = (30, 32, 34), np.array([14.0, 15.0, 16.0]), 9.0  # indices (i, j, k)


def image(left_handed):
    return FileImage(np.ones(SHAPE, np.float32), pose(3, (0.8, 1.0, 1.2), left_handed))


def distances(found, place):
    """Of each voxel (k, j, i) from the region's middle, mm, as the region's own axes have it."""
    k, j, i = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    world = np.stack([i, j, k, np.ones(SHAPE)], -1) @ found.ijk_to_ras.T
    return (world @ np.linalg.inv(place).T)[..., :3]


@pytest.mark.parametrize("left_handed", [False, True])
def test_a_turned_box_keeps_the_voxels_within_it(scene, left_handed):
    us = image(left_handed)
    place = pose(8)
    place[:3, 3] = (us.ijk_to_ras @ [*MIDDLE, 1])[:3]
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    roi.SetSize(16, 18, 20)
    roi.SetAndObserveTransformNodeID(transform(place).GetID())
    found = within(us, roi)
    offsets = np.abs(distances(found, place)) - np.array([8, 9, 10])
    assert (found.array[(offsets < -0.7).all(-1)] == 1).all()
    assert (found.array[(offsets > 0.7).any(-1)] == 0).all()
    np.testing.assert_array_equal(found.ijk_to_ras, us.ijk_to_ras)


def test_a_segmentation_keeps_the_voxels_within_it_and_nothing_left_is_a_sentence(scene):
    us, place = image(False), pose(9)
    place[:3, 3] = (us.ijk_to_ras @ [*MIDDLE, 1])[:3]
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Cavity")
    node.CreateDefaultDisplayNodes()
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(RADIUS)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    sphere.Update()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Cavity", [1, 0, 0])
    above = transform(place)
    node.SetAndObserveTransformNodeID(above.GetID())
    found = within(us, node)
    far = np.linalg.norm(distances(found, place), axis=-1)
    assert (found.array[far < RADIUS - 1] == 1).all()
    assert (found.array[far > RADIUS + 1] == 0).all()
    above.SetMatrixTransformToParent(vtk_matrix(pose(9)))
    with pytest.raises(InputError, match="lies within Cavity; choose another region, or none"):
        within(us, node)

"""The checkerboard: ultrasound and MR in turn, wherever they lie, each in its own window, and always up to date."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.compare.checkerboard import SIDE, Checkerboard, board
from MMHVAERegistrationLib.pose.result_transform import create_result, put_under
from MMHVAESynthesisLib.nodes.geometry import FLIP, ijk_to_world

from ...made_nodes import pose, transform, volume
from ..made_case import rigid, set_world


def as_image(node):
    """The node as SimpleITK has it, in world coordinates."""
    image = sitk.GetImageFromArray(slicer.util.arrayFromVolume(node).astype(np.float32))
    place = FLIP @ ijk_to_world(node)
    spacing = np.linalg.norm(place[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((place[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(place[:3, 3].tolist())
    return image


@pytest.fixture
def pair(scene):
    """An ultrasound and an MR on oblique grids, one left-handed, both under parents, the MR under a result too."""
    k, j, i = np.ogrid[:30, :32, :34]
    us = volume(np.float32(100 + i + 0 * j + 0 * k), pose(1, (1, 1, 2)), "us")
    mr = volume(np.float32(500 + 3 * k + 2 * j - i), pose(1, (1.3, 1.2, 1.9), left_handed=False), "mr")
    us.SetAndObserveTransformNodeID(transform(pose(2)).GetID())
    mr.SetAndObserveTransformNodeID(us.GetTransformNodeID())
    for node, low, high in ((us, 100, 134), (mr, 400, 700)):
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(low, high)
    result = create_result(us.GetParentTransformNode())
    put_under(result, mr)
    return us, mr, result


def test_cubes_hold_ultrasound_and_mr_in_turn_as_simpleitk_resamples_it(pair):
    us, mr, result = pair
    set_world(result, rigid(2, mm=3.0))
    found = board(us, mr)
    other = sitk.GetArrayFromImage(sitk.Resample(as_image(mr), as_image(us), sitk.Transform(3, sitk.sitkIdentity)))
    mr_grey = (255 * np.clip((other - 400) / 300, 0, 1)).astype(int)
    us_grey = (255 * np.clip((slicer.util.arrayFromVolume(us) - 100) / 34, 0, 1)).astype(int)
    sides = np.round(SIDE / np.array([1, 1, 2])).astype(int)
    k, j, i = np.ogrid[:30, :32, :34]
    odd = (i // sides[0] + j // sides[1] + k // sides[2]) % 2 == 1
    inside = odd & (other > 0)
    assert inside.sum() > 2000
    assert np.abs(found[inside].astype(int) - mr_grey[inside]).max() <= 2
    assert np.array_equal(found[~odd], us_grey[~odd])


def test_it_lies_on_the_ultrasound_and_follows_pose_and_window(pair):
    us, mr, result = pair
    checkerboard = Checkerboard()
    node = checkerboard.node(us, mr)
    np.testing.assert_allclose(ijk_to_world(node), ijk_to_world(us), atol=1e-12)
    first, times = slicer.util.arrayFromVolume(node).copy(), node.GetImageData().GetMTime()
    assert checkerboard.node(us, mr) is node
    assert node.GetImageData().GetMTime() == times
    set_world(result, rigid(3))
    assert not np.array_equal(slicer.util.arrayFromVolume(checkerboard.node(us, mr)), first)
    moved = slicer.util.arrayFromVolume(node).copy()
    mr.GetDisplayNode().SetWindowLevelMinMax(300, 900)
    assert not np.array_equal(slicer.util.arrayFromVolume(checkerboard.node(us, mr)), moved)
    assert node.GetHideFromEditors()
    assert not node.GetSaveWithScene()
    checkerboard.remove()
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == [us, mr]


def test_it_goes_with_its_scene(pair):
    Checkerboard().node(*pair[:2])
    slicer.mrmlScene.Clear(0)
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []

"""Volume nodes as the engine reads them, compared with SimpleITK and with Slicer's own world coordinates."""

from __future__ import annotations

import gc
from pathlib import Path

import rig

rig.require()

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from mmhvae import InputError
from MMHVAESynthesisLib.engine.steps import CHUNK, completed
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras, same_place
from MMHVAESynthesisLib.nodes.volume_files import image_data, read_steps, require_volume, voxels, write_volume_steps

from ..made_nodes import pose, rotation, transform, volume, vtk_matrix

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def world_corner(node, index) -> np.ndarray:
    """RAS mm of a voxel, by Slicer's own means."""
    local = (ijk_to_ras(node) @ [*index, 1])[:3]
    point = [0.0, 0.0, 0.0]
    transforms = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, transforms)
    transforms.TransformPoint(local, point)
    return np.array(point)


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_a_volume_keeps_its_place_in_the_world(scene, tmp_path, left_handed, levels):
    node = volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), pose(1, (0.7, 0.8, 1.3), left_handed))
    above = None
    for level in range(levels):
        above = transform(pose(7 + level), parent=above)
    if above is not None:
        node.SetAndObserveTransformNodeID(above.GetID())
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    image = sitk.ReadImage(str(tmp_path / "us.mha"))
    assert image.GetSize() == (4, 3, 2)
    for index in [(0, 0, 0), (3, 0, 0), (0, 2, 1), (3, 2, 1)]:
        point = LPS[:3, :3] @ image.TransformIndexToPhysicalPoint(index)
        assert np.allclose(point, world_corner(node, index), atol=1e-9)
    assert np.array_equal(sitk.GetArrayFromImage(image), voxels(node))
    assert np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) == pytest.approx(-1 if left_handed else 1)


TYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64]


@pytest.mark.parametrize("dtype", TYPES)
def test_the_type_of_the_voxels_is_kept_there_and_back(scene, tmp_path, dtype):
    array = np.random.default_rng(0).uniform(0, 100, (3, 4, 5)).astype(dtype)
    node = volume(array, pose(3))
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "us.mha"))).dtype == dtype
    read = completed(read_steps(tmp_path / "us.mha"))
    assert read.array.dtype == dtype
    assert np.array_equal(read.array, array)
    assert same_place(read.ijk_to_ras, ijk_to_ras(node), (5, 4, 3))


def test_what_simpleitk_writes_is_read(tmp_path, oblique):
    image = oblique(1, (5, 6, 7))
    sitk.WriteImage(image + 3, str(tmp_path / "t2.mha"), useCompression=False)
    read = completed(read_steps(tmp_path / "t2.mha"))
    assert read.array.shape == (7, 6, 5)
    assert (read.array == 3).all()
    point = image.TransformIndexToPhysicalPoint((4, 5, 6))
    assert np.allclose(LPS @ read.ijk_to_ras @ [4, 5, 6, 1], [*point, 1], atol=1e-6)


def test_scaling_transforms_change_the_spacing(scene, tmp_path):
    node = volume(np.ones((2, 2, 2), np.float32))
    node.SetAndObserveTransformNodeID(transform(np.diag([2.0, 3.0, 0.5, 1.0])).GetID())
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    assert np.allclose(sitk.ReadImage(str(tmp_path / "us.mha")).GetSpacing(), (2, 3, 0.5))


def test_nothing_about_the_node_or_the_scene_changes(scene, tmp_path):
    node = volume(np.ones((2, 2, 2), np.float32), pose(5))
    node.SetAndObserveTransformNodeID(transform(pose(6)).GetID())
    events: list[str] = []
    node.AddObserver(vtk.vtkCommand.AnyEvent, lambda caller, event: events.append(event))
    before = (node.GetImageData().GetMTime(), scene.GetNumberOfNodes(), node.GetParentTransformNode())
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    assert before == (node.GetImageData().GetMTime(), scene.GetNumberOfNodes(), node.GetParentTransformNode())
    assert events == []
    assert np.allclose(ijk_to_ras(node), pose(5))


def empty():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "iUS")


def coloured():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "iUS")
    slicer.util.updateVolumeFromArray(node, np.ones((2, 2, 2, 3), np.uint8))
    return node


def under(matrix):
    node = volume(np.ones((2, 2, 2), np.float32))
    node.SetAndObserveTransformNodeID(transform(matrix, "Bad").GetID())
    return node


def sheared():
    matrix = np.eye(4)
    matrix[0, 1] = 0.2
    return under(matrix)


def hardened():
    """The shear is the volume's own now, and its transform is gone."""
    node = sheared()
    node.HardenTransform()
    return node


def scaled_across():
    """Scaling along an axis that is oblique to the voxels shears them."""
    matrix = np.eye(4)
    turn = rotation(4)
    matrix[:3, :3] = turn @ np.diag([1.0, 1.0, 1.5]) @ turn.T
    return under(matrix)


def bent():
    node = volume(np.ones((2, 2, 2), np.float32))
    above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Bad")
    spline = slicer.vtkOrientedBSplineTransform() if hasattr(slicer, "vtkOrientedBSplineTransform") else None
    if spline is None:
        spline = vtk.vtkThinPlateSplineTransform()
    above.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(above.GetID())
    return node


BAD = [
    (empty, "iUS is empty"),
    (coloured, "several values a voxel"),
    (lambda: volume(np.ones((1, 4, 4), np.uint8)), "single slice"),
    (sheared, "sheared by its transform: its axes are not at right angles; resample it with the module Resample Sc"),
    (scaled_across, "or use a transform that only moves, turns and scales"),
    (hardened, "sheared: its axes are not at right angles; resample it with the module Resample Scalar/Vector/DWI"),
    (lambda: under(np.diag([1.0, 1.0, 0.0, 1.0])), "flattened"),
    (bent, "bends it (Bad)"),
]


@pytest.mark.parametrize(("make", "words"), BAD)
def test_what_no_file_can_hold_is_one_sentence(scene, tmp_path, make, words):
    with pytest.raises(InputError) as caught:
        require_volume(make())
    assert words in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_full_disk_is_one_sentence(scene):
    node = volume(np.ones((40, 200, 200), np.float32))
    with pytest.raises(InputError, match="free some space"):
        completed(write_volume_steps(node, Path("/dev/null/us.mha")))


def test_large_volumes_go_in_pieces(scene, tmp_path):
    node = volume(np.random.default_rng(0).integers(0, 255, (3, 1, CHUNK), dtype=np.uint8).repeat(2, 1))
    shares = list(write_volume_steps(node, tmp_path / "us.mha"))
    assert len(shares) == 6
    assert shares[-1] == 1.0
    pieces = read_steps(tmp_path / "us.mha")
    assert len([next(pieces) for _ in range(6)]) == 6
    assert np.array_equal(completed(read_steps(tmp_path / "us.mha")).array, voxels(node))


@pytest.mark.parametrize("content", [b"", b"ElementDataFile = LOCAL\n", b"no image"])
def test_a_damaged_result_is_one_sentence(tmp_path, content):
    (tmp_path / "x.mha").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        completed(read_steps(tmp_path / "x.mha"))


def test_a_result_that_is_cut_off_is_one_sentence(scene, tmp_path):
    completed(write_volume_steps(volume(np.ones((9, 9, 9), np.float32)), tmp_path / "x.mha"))
    whole = (tmp_path / "x.mha").read_bytes()
    (tmp_path / "x.mha").write_bytes(whole[:-5])
    with pytest.raises(InputError, match="cannot be read"):
        completed(read_steps(tmp_path / "x.mha"))


def test_image_data_keeps_its_voxels_alive():
    image = image_data(np.full((30, 40, 50), 7, np.float32))
    gc.collect()
    others = [np.zeros((30, 40, 50), np.float32) for _ in range(20)]
    assert len(others) == 20
    assert image.GetScalarRange() == (7, 7)
    assert image.GetDimensions() == (50, 40, 30)
    assert image.GetScalarComponentAsFloat(49, 39, 29, 0) == 7


def test_a_matrix_of_vtk_is_that_of_numpy(scene):
    node = volume(np.ones((2, 2, 2), np.uint8), pose(9))
    node.SetIJKToRASMatrix(vtk_matrix(pose(10, (1, 2, 3))))
    assert np.allclose(ijk_to_ras(node), pose(10, (1, 2, 3)))

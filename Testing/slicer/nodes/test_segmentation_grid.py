"""Segmentations that Slicer loads without a word from a NIfTI file that contradicts itself, put where a form says."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import choose_form, label_layers, question_of, require_known_place

from ...core import bad_files as bad
from ..made_nodes import transform
from .test_nifti_place import FILES, QFORM, sform

FORMS = {name: kind for name, kind in FILES.items() if name != "an sform of NaN"}


def loaded(folder, kind):
    path = bad.nifti(folder, bad.label_map(), **FILES[kind][0])
    return slicer.util.loadSegmentation(str(path))


def places(array, ijk_to_ras):
    """Label -> where its voxels are (n, 3), RAS mm, in one order."""
    found = {}
    for label in (1, 2):
        index = np.argwhere(array == label)[:, ::-1]
        points = np.round(index @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3], 3)
        found[label] = points[np.lexsort(points.T)]
    return found


def lies(node, matrix):
    """Whether every labelled voxel of the file is in the node where ``matrix`` (4, 4) puts it, and its surface too."""
    (layer,) = label_layers(node)
    expected = places(sitk.GetArrayFromImage(bad.label_map()), matrix)
    found = places(layer.array, layer.ijk_to_ras)
    surface = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Closed surface")
    if surface is not None:
        middle = np.reshape(surface.GetBounds(), (3, 2)).mean(axis=1)
        if np.abs(middle - expected[1].mean(axis=0)).max() > 1:
            return False
    return all(np.allclose(found[label], expected[label], atol=2e-3) for label in expected)


@pytest.mark.parametrize("has_surface", [False, True])
@pytest.mark.parametrize("kind", FORMS)
def test_a_contradiction_is_asked_about_and_taken_back(scene, tmp_path, kind, has_surface):
    node = loaded(tmp_path, kind)
    assert not node.GetModifiedSinceRead()
    if has_surface:
        node.CreateClosedSurfaceRepresentation()
    with pytest.raises(InputError, match="choose below, in the row of x, which one is right") as caught:
        require_known_place(node)
    assert FILES[kind][1] in str(caught.value)
    for form in ("sform", "qform", "sform"):
        choose_form(node, form)
        require_known_place(node)
        assert lies(node, sform(kind) if form == "sform" else QFORM)
        assert node.GetSegmentation().ContainsRepresentation("Closed surface") == has_surface
    assert node.GetModifiedSinceRead()  # or saving the scene would not save where it lies


def test_numbers_that_are_none_leave_the_other_form(scene, tmp_path):
    node = loaded(tmp_path, "an sform of NaN")
    with pytest.raises(InputError, match="holds no usable position"):
        choose_form(node, "sform")
    choose_form(node, "qform")
    require_known_place(node)
    assert lies(node, QFORM)


def test_what_is_drawn_next_lies_with_what_was_moved(scene, tmp_path):
    node = loaded(tmp_path, "mirrored")
    choose_form(node, "qform" if lies(node, sform("mirrored")) else "sform")
    segmentation = node.GetSegmentation()
    (layer,) = label_layers(node)
    reference, grid = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    text = segmentation.GetConversionParameter("Reference image geometry")
    assert slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, reference, False)
    grid.DeepCopy(segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap"))
    assert slicer.vtkOrientedImageDataResample.DoGeometriesMatchIgnoreOrigin(reference, grid)
    assert np.linalg.det(layer.ijk_to_ras[:3, :3]) == pytest.approx(1)


def test_what_came_from_elsewhere_stays(scene, tmp_path):
    node = loaded(tmp_path, "moved")
    (tmp_path / "other").mkdir()
    other = slicer.util.loadSegmentation(str(bad.nifti(tmp_path / "other", bad.label_map(), pixdim=[2, 2, 2])))
    choose_form(other, "qform")
    source = other.GetSegmentation()
    node.GetSegmentation().CopySegmentFromSegmentation(source, source.GetNthSegmentID(0))
    before = [layer.ijk_to_ras for layer in label_layers(node)]
    for form in ("sform", "qform"):
        choose_form(node, form)
    choose_form(node, "sform")
    after = [layer.ijk_to_ras for layer in label_layers(node)]
    assert [np.allclose(a, b) for a, b in zip(before, after, strict=True)] == [False, True]


@pytest.mark.parametrize("change", ["hardened", "made of surfaces"])
@pytest.mark.parametrize("is_answered", [False, True])
def test_one_that_has_left_its_grid_is_to_be_loaded_again(scene, tmp_path, change, is_answered):
    node = loaded(tmp_path, "mirrored")
    if is_answered:
        choose_form(node, "qform")
    if change == "hardened":
        turn = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1.0]])
        node.SetAndObserveTransformNodeID(transform(turn).GetID())
        node.HardenTransform()
        expected = turn @ QFORM
    else:
        node.CreateClosedSurfaceRepresentation()
        node.GetSegmentation().SetSourceRepresentationName("Closed surface")
        expected = None
    with pytest.raises(InputError, match="left the grid of its file; load"):
        choose_form(node, "sform")
    if is_answered:
        require_known_place(node)  # it was answered, and what came after is the user's
        assert expected is None or lies(node, expected)
    else:
        with pytest.raises(InputError, match=r"disagree by 26.0 mm.*x has left the grid of its file; load it again"):
            require_known_place(node)


def test_saving_writes_one_place_and_a_file_loaded_anew_is_asked_about_anew(scene, tmp_path):
    node = loaded(tmp_path, "moved")
    choose_form(node, "sform")
    node.GetStorageNode().ReadData(node)
    with pytest.raises(InputError, match="which one is right"):
        require_known_place(node)
    choose_form(node, "sform")
    node.GetStorageNode().SetFileName(str(tmp_path / "y.seg.nrrd"))
    assert node.GetStorageNode().WriteData(node)
    assert question_of(node) is None
    again = slicer.util.loadSegmentation(str(tmp_path / "y.seg.nrrd"))
    require_known_place(again)
    assert lies(again, sform("moved"))

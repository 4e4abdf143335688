"""Volumes that Slicer loads without a word from a NIfTI file that contradicts itself, put where a form says."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import choose_form, ijk_to_ras, require_volume, voxels

from ...core import bad_files as bad
from ..made_nodes import transform, vtk_matrix

QFORM = np.reshape([*bad.rows(), 0, 0, 0, 1], (4, 4))
#: Fields of the header, the sform's (4, 4) where it differs from the qform, and words of the refusal.
FILES = {
    "moved": ({"sform_code": 2, "srow": bad.rows(shift=-20)}, "disagree by 20.0 mm: a corner lies at R"),
    "moved, the qform preferred": ({"sform_code": 1, "srow": bad.rows(shift=-20)}, "disagree by 20.0 mm"),
    "mirrored": ({"sform_code": 2, "srow": bad.rows(mirror=-1)}, "disagree by 26.0 mm"),
    "half the size": (
        {"qform_code": 0, "srow": bad.rows(0.5)},
        "measure 0.5 x 0.5 x 0.5 mm by its sform and 1 x 1 x 1",
    ),
    "neither": ({"qform_code": 0, "sform_code": 0, "srow": bad.rows(shift=3)}, "does not say where its voxels lie"),
    "an sform of NaN": ({"sform_code": 1, "srow": [np.nan] * 12}, "The sform of x.nii holds numbers that are none"),
}


def loaded(folder, kind):
    path = bad.nifti(folder, **FILES[kind][0])
    return path, slicer.util.loadVolume(str(path))


def sform(kind):
    return np.reshape([*FILES[kind][0]["srow"], 0, 0, 0, 1], (4, 4))


def lies(node, path, file_to_ras):
    """Whether every voxel of the file is in the node where ``file_to_ras`` (4, 4) puts it."""
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).transpose()
    index = np.stack([*np.indices(array.shape).reshape(3, -1), np.ones(array.size)])
    found = np.linalg.solve(ijk_to_ras(node), file_to_ras @ index)[:3]
    whole = np.rint(found).astype(int)
    if np.abs(found - whole).max() > 1e-3 or whole.min() < 0:
        return False
    return np.array_equal(voxels(node).transpose()[tuple(whole)], array.reshape(-1))


@pytest.mark.parametrize("kind", FILES)
def test_a_contradiction_is_asked_about(scene, tmp_path, kind):
    path, node = loaded(tmp_path, kind)
    with pytest.raises(InputError) as caught:
        require_volume(node)
    assert FILES[kind][1] in str(caught.value)
    assert str(caught.value).endswith("choose below, in the row of x, which one is right.")
    if np.isfinite(sform(kind)).all():
        for form in ("sform", "qform", "sform"):  # taken back, and taken again
            choose_form(node, form)
            require_volume(node)
            assert lies(node, path, sform(kind) if form == "sform" else QFORM)
    else:
        with pytest.raises(InputError, match="holds no usable position"):
            choose_form(node, "sform")
        choose_form(node, "qform")
        require_volume(node)
        assert lies(node, path, QFORM)


@pytest.mark.parametrize("kind", ["moved", "mirrored"])
@pytest.mark.parametrize("form", ["qform", "sform"])
def test_a_hardened_transform_stays_in_force(scene, tmp_path, kind, form):
    path, node = loaded(tmp_path, kind)
    turn = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1.0]])
    node.SetAndObserveTransformNodeID(transform(turn).GetID())
    node.HardenTransform()
    choose_form(node, form)
    require_volume(node)
    assert lies(node, path, turn @ (sform(kind) if form == "sform" else QFORM))


def test_a_file_loaded_anew_is_asked_about_anew(scene, tmp_path):
    path, node = loaded(tmp_path, "moved, the qform preferred")
    before = ijk_to_ras(node)
    choose_form(node, "qform")
    node.GetStorageNode().ReadData(node)
    assert np.allclose(ijk_to_ras(node), before)
    with pytest.raises(InputError, match="which one is right"):
        require_volume(node)
    for form, place in (("qform", QFORM), ("sform", sform("moved"))):
        choose_form(node, form)
        assert lies(node, path, place)


def test_saving_writes_one_place_and_ends_the_question(scene, tmp_path):
    _, node = loaded(tmp_path, "mirrored")
    node.GetStorageNode().SetFileName(str(tmp_path / "y.nii.gz"))
    assert node.GetStorageNode().WriteData(node)
    require_volume(node)


@pytest.mark.parametrize("change", ["agrees", "gone", "damaged", "another format", "never a file"])
def test_files_that_leave_nothing_open(scene, tmp_path, change):
    path = bad.nifti(tmp_path, sform_code=1, srow=bad.rows()) if change == "agrees" else None
    if change == "another format":
        path = bad.written(tmp_path, "x.nrrd")
    path = path or loaded(tmp_path, "moved")[0]
    node = slicer.util.loadVolume(str(path))
    if change == "gone":
        path.unlink()
    elif change == "damaged":
        path.write_bytes(path.read_bytes()[:100])
    elif change == "never a file":
        node.SetAndObserveStorageNodeID(None)
    require_volume(node)
    with pytest.raises(InputError, match="leaves no choice"):
        choose_form(node, "qform")
    node.SetIJKToRASMatrix(vtk_matrix(QFORM))
    require_volume(node)


def test_analyze_has_no_form_to_choose(scene, tmp_path):
    node = slicer.util.loadVolume(str(bad.nifti(tmp_path, magic=[0, 0, 0, 0], qform_code=0, sform_code=0)))
    with pytest.raises(InputError, match=r"Analyze 7\.5, which does not say where left is; save it as NIfTI"):
        require_volume(node)

"""Segmentation files, and the command `mmhvae overlay`: names, layers, what is refused, and nothing half-written."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images import write_transform
from mmhvae.overlays.label_files import read_segmentation


def write(path, array, **metadata: str) -> None:
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing((1.0, 1.2, 0.9))
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))


@pytest.fixture
def box() -> np.ndarray:
    array = np.zeros((24, 20, 22), np.uint8)
    array[6:16, 5:14, 4:15] = 3
    return array


@pytest.fixture
def case(tmp_path, box):
    """Paths by option; the ultrasound is the segmentation's grid moved by (5, -3, 2) mm, and so is the transform."""
    write(tmp_path / "plan.seg.nrrd", box, Segment0_Name="tumour", Segment0_LabelValue="3", Segment0_Layer="0")
    ultrasound = sitk.GetImageFromArray(np.ones(box.shape, np.float32))
    ultrasound.SetSpacing((1.0, 1.2, 0.9))
    ultrasound.SetOrigin((5.0, -3.0, 2.0))
    sitk.WriteImage(ultrasound, str(tmp_path / "us.nii.gz"))
    write_transform(sitk.TranslationTransform(3, (-5.0, 3.0, -2.0)), tmp_path / "t.tfm")
    names = {"segmentation": "plan.seg.nrrd", "transform": "t.tfm", "reference": "us.nii.gz", "output": "on.nii.gz"}
    return {option: tmp_path / name for option, name in names.items()}


def overlay(run, case) -> tuple[int, str, str]:
    return run("overlay", *(part for option, path in case.items() for part in (f"--{option}", path)))


def test_a_segmentation_lands_on_the_ultrasounds_grid(run, case, box):
    status, output, _ = overlay(run, case)
    assert status == 0
    assert "tumour: 1069 of 1069 mm3 on the grid" in output
    assert "Not approved for clinical use" in output
    result, reference = sitk.ReadImage(str(case["output"])), sitk.ReadImage(str(case["reference"]))
    assert result.GetSize() == reference.GetSize()
    assert result.GetOrigin() == pytest.approx(reference.GetOrigin(), abs=1e-4)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result), box)


def test_overlapping_segments_come_in_files_of_their_own(run, case, box):
    write(
        case["segmentation"], np.stack([box, np.where(box, 1, 0).astype(np.uint8)], -1),
        Segment0_Name="core", Segment0_LabelValue="3", Segment0_Layer="0",
        Segment1_Name="oedema", Segment1_LabelValue="1", Segment1_Layer="1",
    )  # fmt: skip
    status, output, _ = overlay(run, case)
    assert status == 0
    assert "core: " in output
    assert "oedema: " in output
    second = case["output"].with_name("on-2.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(second))), box > 0)


def test_the_share_outside_is_told(run, case):
    write_transform(sitk.TranslationTransform(3, (3.0, 3.0, -2.0)), case["transform"])
    _, output, _ = overlay(run, case)
    assert "% lies outside" in output


def test_label_maps_as_nifti_of_float_are_read(tmp_path, box):
    write(tmp_path / "plan.nii.gz", box.astype(np.float32))
    segmentation = read_segmentation(tmp_path / "plan.nii.gz")
    assert segmentation.name(0, 3) == "label 3"
    np.testing.assert_array_equal(sitk.GetArrayFromImage(segmentation.layers[0]), box)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"holiday", "cannot be read"),
        (b"\0" * 128 + b"DICM" + b"\0" * 100, "load it in 3D Slicer"),
        (np.zeros((4, 5, 6), np.uint8), "shows no segment"),
        (np.full((4, 5, 6), 0.5, np.float32), "whole numbers"),
        (np.ones((4, 5), np.uint8), "3-D"),
    ],
)
def test_what_is_no_segmentation_is_one_sentence(run, case, content, words):
    case["segmentation"].unlink()
    if isinstance(content, bytes):
        case["segmentation"].write_bytes(content)
    elif content is not None:
        write(case["segmentation"], content)
    with pytest.raises(InputError, match=words):
        read_segmentation(case["segmentation"])
    status, _, errors = overlay(run, case)
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert not case["output"].exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("output", "on.png", "no suffix"),
        ("output", "us.nii.gz", "overwritten"),
        ("transform", "no.tfm", "no transform"),
    ],
)
def test_other_wrong_options(run, case, option, value, words):
    before = case["reference"].read_bytes()
    case[option] = case[option].with_name(value)
    status, _, errors = overlay(run, case)
    assert status == 2
    assert words in errors
    assert case["reference"].read_bytes() == before


def layered(case, box, count: int) -> None:
    names = {f"Segment{n}_{what}": value for n in range(count) for what, value in {
        "Name": f"part {n}", "LabelValue": "3", "Layer": str(n)}.items()}  # fmt: skip
    write(case["segmentation"], np.stack([box] * count, -1) if count > 1 else box, **names)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_layers_never_overwrite_what_is_not_ours_and_leave_none_of_an_earlier_run(run, case, box, suffix):
    case["output"] = case["output"].with_name(f"on{suffix}")
    second, third, fourth = (case["output"].with_name(f"on-{n}{suffix}") for n in (2, 3, 4))
    layered(case, box, 3)
    assert overlay(run, case)[0] == 0
    assert third.exists()
    fourth.write_bytes(b"somebody's")
    layered(case, box, 2)
    status, output, _ = overlay(run, case)
    assert (status, second.exists(), third.exists()) == (0, True, False)
    assert f"{fourth} is not of this segmentation" in output
    second.write_bytes(b"somebody's")
    status, _, errors = overlay(run, case)
    assert (status, "no layer of an overlay" in errors) == (2, True)
    assert (second.read_bytes(), fourth.read_bytes()) == (b"somebody's", b"somebody's")

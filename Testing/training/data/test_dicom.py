"""DICOM series to volumes: where they lie, against SimpleITK's images; what is refused, in which words."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae_training.data.dicom.index import DicomSeries, scan
from mmhvae_training.data.dicom.segmentation import read_segments
from mmhvae_training.data.dicom.volume import read_series

from .dicom_writing import of, write_segmentation, write_slices, write_ultrasound

PATIENT = {"PatientID": "ReMIND-001", "StudyInstanceUID": "1.2.3", "SeriesDescription": "test"}


def oblique(left=False, size=(6, 5, 4), kind=np.int16):
    """A volume of distinct voxels, turned about two axes, anisotropic, far from the origin."""
    rotation = sitk.Euler3DTransform([0, 0, 0], 0.3, -0.2, 0.7)
    direction = np.reshape(rotation.GetMatrix(), (3, 3))
    image = sitk.GetImageFromArray(np.arange(np.prod(size)).reshape(size[::-1]).astype(kind) + 1)
    image.SetDirection((direction * [1, 1, -1 if left else 1]).ravel().tolist())
    image.SetSpacing([0.7, 1.1, 2.3])
    image.SetOrigin([-61.2, 44.7, 12.9])
    return image


def only(folder) -> DicomSeries:
    (series,) = next(iter(scan(folder).values()))
    return series


def assert_same_in_space(found, image):
    """The same values at the same points, whatever the order of the slices."""
    assert np.linalg.det(np.reshape(found.GetDirection(), (3, 3))) > 0
    array = sitk.GetArrayFromImage(image)
    for index in np.ndindex(*image.GetSize()):
        there = found.TransformPhysicalPointToContinuousIndex(image.TransformIndexToPhysicalPoint(index))
        np.testing.assert_allclose(there, np.rint(there), atol=1e-3)
        assert found.GetPixel([round(i) for i in there]) == array[index[::-1]]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("write", [write_slices, write_ultrasound])
def test_every_voxel_lies_where_it_lay(tmp_path, left, write):
    image = oblique(left, kind=np.int16 if write is write_slices else np.uint8)
    write(image, tmp_path, **PATIENT)
    assert_same_in_space(read_series(only(tmp_path)), image)


def test_grey_values_are_rescaled(tmp_path):
    def rescaled(content, k):
        content.RescaleSlope, content.RescaleIntercept = "0.5", "-3"
        return content

    write_slices(oblique(), tmp_path, rescaled, **PATIENT)
    found = sitk.GetArrayFromImage(read_series(only(tmp_path)))
    np.testing.assert_allclose(found, sitk.GetArrayFromImage(oblique()) * 0.5 - 3)


def test_an_ultrasound_lies_where_its_table_says(tmp_path):
    placement = np.eye(4)
    placement[:3, :3] = np.reshape(sitk.Euler3DTransform([0, 0, 0], 0.1, 0.4, 0).GetMatrix(), (3, 3))
    placement[:3, 3] = 10, -20, 30
    image = oblique(kind=np.uint8)
    where = {"PatientFrameOfReferenceSource": "TABLE", "VolumeToTableMappingMatrix": placement.ravel().tolist()}
    write_ultrasound(image, tmp_path, **PATIENT, **where)
    found = read_series(only(tmp_path))
    for index in ([0, 0, 0], [5, 4, 3]):
        expected = placement[:3, :3] @ image.TransformIndexToPhysicalPoint(index) + placement[:3, 3]
        np.testing.assert_allclose(found.TransformIndexToPhysicalPoint(index), expected, atol=1e-3)


def moved(content, step):
    place = np.array(content.ImagePositionPatient, float) + step
    content.ImagePositionPatient = [str(round(v, 6)) for v in place.tolist()]
    return content


def in_colour(content, k):
    content.SamplesPerPixel, content.PhotometricInterpretation, content.PlanarConfiguration = 3, "RGB", 0
    content.BitsAllocated, content.BitsStored, content.HighBit, content.PixelRepresentation = 8, 8, 7, 0
    content.PixelData = b"\1" * (content.Rows * content.Columns * 3 + content.Rows * content.Columns * 3 % 2)
    return content


def without(name):
    def change(content, k):
        delattr(content, name)
        return content

    return change


def wider(content, k):
    content.PixelSpacing = ["1.1", "0.9"] if k == 2 else content.PixelSpacing
    return content


COLUMN = np.reshape(oblique().GetDirection(), (3, 3))[:, 1]
FLAWS = {
    "a missing slice": (lambda c, k: None if k == 2 else c, r"lacks slices: one is 4.60 mm .* instead of 2.30 mm; get"),
    "a shifted slice": (lambda c, k: moved(c, 5 * COLUMN * (k == 1)), "gantry tilted"),
    "a tilted gantry": (lambda c, k: moved(c, 2.3 * COLUMN * k), r"gantry tilted by 45.0 degrees; resample it"),
    "a double slice": (lambda c, k: moved(c, (k == 1) * AXIS * -2.3), "several images in one place"),
    "a single slice": (lambda c, k: c if k == 0 else None, "is a single slice; give a volume"),
    "another pixel size": (wider, "mixes images of different size or direction"),
    "no position": (without("ImagePositionPatient"), "does not say where its slices lie"),
    "colour": (in_colour, "is in colour; give one of grey values"),
    "no pixels": (without("PixelData"), "cannot be decoded; get it again"),
}  # fmt: skip
AXIS = np.reshape(oblique().GetDirection(), (3, 3))[:, 2]


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_is_no_volume_is_refused(tmp_path, flaw):
    change, sentence = FLAWS[flaw]
    write_slices(oblique(size=(6, 5, 6)), tmp_path, change, **PATIENT)
    with pytest.raises(InputError, match=f"The series 'test' of ReMIND-001 .*{sentence}"):
        read_series(only(tmp_path))


def test_a_damaged_file_is_named(tmp_path):
    paths = write_slices(oblique(), tmp_path, **PATIENT)
    paths[1].write_bytes(paths[1].read_bytes()[:200] + b"\xff" * 60)
    with pytest.raises(InputError, match=f"has a file that cannot be read, {paths[1].name}; get it again"):
        read_series(only(tmp_path))


def test_several_volumes_in_one_series_and_a_mirror_are_refused(tmp_path):
    image = oblique(kind=np.uint8)
    mirror = {
        "PatientFrameOfReferenceSource": "TABLE",
        "VolumeToTableMappingMatrix": np.diag([-1.0, 1, 1, 1]).ravel().tolist(),
    }
    path = write_ultrasound(image, tmp_path / "a", **PATIENT, **mirror)
    with pytest.raises(InputError, match="scaled or mirrored on its table"):
        read_series(only(tmp_path / "a"))
    path.with_name("other.dcm").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="has 2 files of several frames; give one of them"):
        read_series(only(tmp_path / "a"))


def test_segments_come_back_by_name_with_their_empty_slices(tmp_path):
    image = oblique(size=(6, 5, 9))
    array = np.zeros((9, 5, 6), np.uint8)
    array[2, 1:3, 2:5] = array[6, 2:4, 1:3] = 1  # nothing in between
    masks = {"tumor": sitk.GetImageFromArray(array), "ventricles": sitk.GetImageFromArray(np.roll(array, 1, 0))}
    for mask in masks.values():
        mask.CopyInformation(image)
    write_segmentation(masks, tmp_path, "1.2", **PATIENT)
    found = read_segments(only(tmp_path))
    assert list(found) == ["tumor", "ventricles"]
    for name, mask in found.items():
        back = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(masks[name]))


def test_a_segmentation_that_contradicts_itself_is_refused(tmp_path):
    mask = sitk.Cast(oblique() > 20, sitk.sitkUInt8)
    path = write_segmentation({"tumor": mask}, tmp_path, "1.2", **PATIENT)
    from pydicom import dcmread

    content = dcmread(path)
    content.SegmentSequence = [of(SegmentNumber=4, SegmentLabel="other")]
    content.save_as(path)
    with pytest.raises(InputError, match="frames of a segment that it does not name"):
        read_segments(only(tmp_path))
    content.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "1.7"
    content.save_as(path)
    with pytest.raises(InputError, match="slices between those of its own spacing"):
        read_segments(only(tmp_path))
    del content.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    content.save_as(path)
    with pytest.raises(InputError, match="does not say how far apart its slices lie"):
        read_segments(only(tmp_path))


def test_a_tree_without_dicom_is_refused(tmp_path):
    (tmp_path / "LICENSE").write_text("free")
    with pytest.raises(InputError, match="holds no DICOM file; give the one that the archive's download made"):
        scan(tmp_path)


def test_without_pydicom_a_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_pydicom(name, *rest):
        if name.split(".")[0] == "pydicom":
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pydicom)
    with pytest.raises(InputError, match="DICOM needs the package pydicom; install it with: pip install pydicom"):
        scan(tmp_path)

"""Files that would end the process within ITK are told beforehand, and those that only look odd are not."""

from __future__ import annotations

import pytest
import SimpleITK as sitk
from mmhvae.images.fatal_files import require_harmless

from .. import bad_files as bad

MARK = b"\x89HDF\r\n\x1a\n"
LENGTH = 2048


def hdf5(version, size, end):
    """A superblock of a version, whose addresses have ``size`` bytes, of a file that ends at ``end``; and zeros."""
    if version < 2:
        head = MARK + bytes([version, 0, 0, 0, 0, size, 8, 0]) + bytes(8 + 4 * (version == 1))
    else:
        head = MARK + bytes([version, size, 8, 0])
    return (head + bytes(size) + b"\xff" * size + end.to_bytes(size, "little")).ljust(LENGTH, b"\0")


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [4, 8])
def test_a_file_is_as_long_as_its_superblock_says(tmp_path, version, size):
    require_harmless(bad.bytes_in(tmp_path, "whole.h5", hdf5(version, size, LENGTH)))
    for name, content in {
        "longer": hdf5(version, size, LENGTH) + b"\0",
        "shorter": hdf5(version, size, LENGTH)[:-1],
        "another version": hdf5(version, size, LENGTH).replace(MARK, MARK + b"\7", 1),
        "its mark alone": MARK,
    }.items():
        with pytest.raises(RuntimeError, match=r"longer or shorter than it says|of a version that is unknown"):
            require_harmless(bad.bytes_in(tmp_path, f"{name}.h5", content))


def test_what_itk_writes_is_harmless(tmp_path):
    parts = [sitk.Euler3DTransform(), sitk.DisplacementFieldTransform(sitk.Image([9] * 3, sitk.sitkVectorFloat64))]
    require_harmless(bad.transform(tmp_path, "t.h5", sitk.CompositeTransform(parts)))
    require_harmless(bad.written(tmp_path, "i.h5"))
    require_harmless(bad.written(tmp_path, "i.mha"))


@pytest.mark.parametrize(
    ("dimensions", "is_harmless"),
    [
        *[(count, True) for count in ("3", " 3.0 ", "10")],
        *[(count, False) for count in ("0", "-1", "11", "1e2", "100x", "", "nan")],
    ],
)
def test_metaimage_has_room_for_ten_dimensions(tmp_path, dimensions, is_harmless):
    content = f"ObjectType = Image\r\nNDims ={dimensions}\r\nDimSize = 1 1 1\r\nElementDataFile = LOCAL\r\nNDims = 99"
    path = bad.text(tmp_path, "x.MHA", content)
    if is_harmless:
        require_harmless(path)
    else:
        with pytest.raises(RuntimeError, match="number of dimensions"):
            require_harmless(path)


@pytest.mark.parametrize("name", ["", "not there.mha", "x.nii"])
def test_what_is_no_such_file_is_passed(tmp_path, name):
    (tmp_path / "x.nii").write_bytes(b"NDims = -1\n")
    require_harmless(tmp_path / name)

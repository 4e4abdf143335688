"""The one door by which images go out: written under a temporary name, read back, compared, renamed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError, InputNotice
from ..files import whole_files
from ..write_faults import not_written
from .image_files import is_complete, require_right_angles, shear
from .itk_files import read_image, tell, write_image

#: Formats of one file, which a rename brings into place whole.
WRITTEN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
#: Share of the first spacing, and of a direction: within these SimpleITK combines images.
SAME_TO_SIMPLEITK = 1e-6
#: NIfTI's single precision: mm of an origin up to a metre away, and of a spacing; and of a direction.
_SINGLE_MM, _SINGLE_DIRECTION = 1e-3, 1e-4
_DOUBLE = 1e-9


def write_volume(image: sitk.Image, path: str | Path) -> None:
    """Write ``image`` to ``path``; see :func:`write_volumes`."""
    write_volumes({Path(path): image})


def write_volumes(images: Mapping[Path, sitk.Image], *, is_passing: bool = False) -> None:
    """Write every image under a temporary name beside its path, read it back, and rename them all when all are right.

    A run that is killed, or that finds the disk full, leaves no half file, and not some of the files. NIfTI holds
    positions in single precision; where SimpleITK would then take result and input for different grids, an
    :class:`InputNotice` says so.

    Args:
        images: by their paths.
        is_passing: between two programs, and not to last: not compressed, and no power cut to be survived.

    Raises:
        InputError: a file cannot be written there, or its format cannot hold the image (NIfTI: sheared axes).
    """
    for path, image in images.items():
        require_volume_suffix(path)
        _require_format_holds(image, path)
    rounded = []
    with whole_files(images, durable=not is_passing) as temporaries:
        for path, image in images.items():
            try:
                words = write_image(image, temporaries[path], not is_passing)
                found = read_image(temporaries[path], path)
            except RuntimeError as error:
                raise not_written(path, error) from error
            # A file that lacks its last bytes reads like one where these are 0.
            if not is_complete(temporaries[path]) or not _is_same(image, found, path):
                raise not_written(path, RuntimeError(), ": what arrived differs from the result")
            tell(words, path)
            if not _is_same_to_simpleitk(image, found):
                rounded.append(path.name)
    if rounded:
        names = ", ".join(dict.fromkeys(rounded))
        text = (
            f"{names}: NIfTI rounds where the voxels lie, so that programs which compare grids to the last digit take"
            " them for another grid than the input's; .mha and .nrrd keep it."
        )
        warnings.warn(InputNotice(text), stacklevel=2)


def require_volume_suffix(path: Path) -> None:
    """Raise :class:`InputError` unless ``path`` ends like a format that :func:`write_volumes` writes."""
    if not path.name.endswith(WRITTEN_SUFFIXES):
        raise InputError(f"{path.name} has no suffix of an image that can be written; name it .nii.gz, .nrrd or .mha.")


def _is_nifti(path: Path) -> bool:
    return path.name.endswith((".nii", ".nii.gz"))


def _require_format_holds(image: sitk.Image, path: Path) -> None:
    if image.GetDimension() == 3 and _is_nifti(path):
        try:
            require_right_angles(image, path.name)
        except InputError as error:
            raise InputError(f"NIfTI cannot hold sheared axes; name {path.name} .nrrd or .mha.") from error


def _is_same(image: sitk.Image, found: sitk.Image, path: Path) -> bool:
    """Whether a file holds the image: its size, type, place and every bit of its voxels."""
    if image.GetSize() != found.GetSize() or image.GetPixelID() != found.GetPixelID():
        return False
    if image.GetNumberOfComponentsPerPixel() != found.GetNumberOfComponentsPerPixel():
        return False
    # A shear too small to be refused is not in a NIfTI file.
    length, direction = (_SINGLE_MM, _SINGLE_DIRECTION + shear(image)) if _is_nifti(path) else (_DOUBLE, _DOUBLE)
    largest = max(1.0, *map(abs, image.GetOrigin())) / 1000 if _is_nifti(path) else 1.0
    near = [
        np.allclose(image.GetOrigin(), found.GetOrigin(), rtol=0, atol=length * max(1.0, largest)),
        np.allclose(image.GetSpacing(), found.GetSpacing(), rtol=0, atol=length),
        np.allclose(image.GetDirection(), found.GetDirection(), rtol=0, atol=direction),
    ]
    return all(near) and _bits(image) == _bits(found)


def _bits(image: sitk.Image) -> bytes:
    """A checksum of the voxels."""
    import hashlib

    array = sitk.GetArrayViewFromImage(image)
    return hashlib.blake2b(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, digest_size=16).digest()


def _is_same_to_simpleitk(image: sitk.Image, found: sitk.Image) -> bool:
    """As ITK's filters judge whether two images share a grid."""
    tolerance = SAME_TO_SIMPLEITK * image.GetSpacing()[0]
    apart = [
        abs(a - b)
        for get in ("GetOrigin", "GetSpacing")
        for a, b in zip(getattr(image, get)(), getattr(found, get)(), strict=True)
    ]
    turned = [abs(a - b) for a, b in zip(image.GetDirection(), found.GetDirection(), strict=True)]
    return max(apart) <= tolerance and max(turned) <= SAME_TO_SIMPLEITK and all(map(math.isfinite, apart))

"""The one door by which images come in: their format known, their place complete and free of contradiction, in mm."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError
from .itk_files import image_format, read_image
from .nifti import check_nifti, is_nifti_name, is_whole, read_header
from .nifti_forms import RESAMPLE, placed_by_its_forms, require_readable_forms
from .packed_voxels import check_packed_metaimage, check_packed_nrrd
from .text_headers import check_metaimage, check_nrrd

_NIFTI = "NiftiImageIO"
#: Formats that say where the voxels lie, and what is left to check in them.
_CHECKS = {"NrrdImageIO": check_nrrd, "MetaImageIO": check_metaimage}
_PACKED = {"NrrdImageIO": check_packed_nrrd, "MetaImageIO": check_packed_metaimage}
_COMPLETE = {_NIFTI, *_CHECKS, "HDF5ImageIO", "MINCImageIO"}
#: What people call the others.
_OTHERS = {
    "TIFFImageIO": "a TIFF picture", "LSMImageIO": "an LSM stack", "PNGImageIO": "a PNG picture",
    "JPEGImageIO": "a JPEG picture", "JPEG2000ImageIO": "a JPEG 2000 picture", "BMPImageIO": "a bitmap",
    "VTKImageIO": "a VTK file", "GiplImageIO": "a GIPL file", "MRCImageIO": "an MRC file",
    "BioRadImageIO": "a Bio-Rad file", "StimulateImageIO": "a Stimulate file", "Bruker2dseqImageIO": "a Bruker scan",
    "GE4ImageIO": "a GE scan", "GE5ImageIO": "a GE scan",
}  # fmt: skip
#: How far the length of a direction may be from 1.
_ROUNDED = 1e-3
#: Largest cosine between two voxel axes: a tracker's matrix of few digits shears a little.
MOST_SHEAR = 0.01


def open_image(path: str | Path, name: str = "image", nifti_form: str | None = None) -> sitk.Image:
    """Read an image whose voxels have a known place in the patient, in the file's own type of number.

    Args:
        path: NIfTI, NRRD, MetaImage, HDF5 as ITK writes it, or MINC.
        name: what the image is to the user.
        nifti_form: "qform" or "sform", for a NIfTI file whose two forms contradict, or of which neither is set.

    Returns:
        The image; four dimensions of which the last is 1 are three. It can be sheared, see
        :func:`require_right_angles`.

    Raises:
        InputError: the file is missing, damaged, or of a format that does not hold the place of voxels, such as DICOM
            of which one file is not enough, or pictures; or its place is incomplete or contradicts itself.
    """
    path = Path(path)
    if not os.path.exists(path):  # Path.exists raises where a folder is closed to the user or a name too long
        raise InputError(f"There is no file {path}; check the path of the {name}.")
    if os.path.isdir(path):
        raise InputError(f"{path} cannot be read: it is a folder; give the {name} as one file, NIfTI, NRRD or MHA.")
    if not os.path.isfile(path):  # a pipe would be waited for
        raise InputError(f"{path} cannot be read: it is no ordinary file; give the {name} as one, NIfTI, NRRD or MHA.")
    try:
        format_name = _checked_format(path, name)
        header = read_header(path) if format_name == _NIFTI else None
        if header is not None:
            require_readable_forms(header, path, nifti_form)
        image = _read(path, name)
        if header is not None and image.GetDimension() == 3:
            image = placed_by_its_forms(image, header, path, nifti_form)
        if format_name in _CHECKS and image.GetDimension() == 3:
            _CHECKS[format_name](path, name)
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its permissions, or copy it again.") from error
    _require_place(image, path)
    return image


def _checked_format(path: Path, name: str) -> str:
    """The format of a file, once it can be relied upon."""
    check_nifti(path, name)
    format_name = image_format(path)
    if format_name == "GDCMImageIO":
        raise InputError(f"{path} is DICOM; load it in 3D Slicer and save the {name} as .nrrd or .nii.gz.")
    if format_name in _OTHERS:
        raise InputError(
            f"{path} cannot be read as a volume: it is {_OTHERS[format_name]}, which does not hold where voxels lie in"
            f" the patient; save the {name} as NIfTI, NRRD or MHA, from a program that knows."
        )
    if format_name not in _COMPLETE and read_header(path) is not None:
        raise InputError(f"{path} is NIfTI of a kind that is not read, such as NIfTI-2; save the {name} as NIfTI-1.")
    if format_name not in _COMPLETE:
        raise InputError(f"{path} cannot be read as an image; save the {name} again as NIfTI, NRRD or MHA.")
    if format_name == _NIFTI and not is_nifti_name(path):
        raise InputError(f"{path} has not the name of a NIfTI file; name it .nii or .nii.gz.")
    if format_name in _PACKED:
        _PACKED[format_name](path, name)
    return format_name


def is_complete(path: Path) -> bool:
    """Whether the file holds every byte that its header announces, and its voxels as they were packed."""
    format_name = image_format(path)
    try:
        if format_name in _PACKED:
            _PACKED[format_name](path, "image")
    except InputError:
        return False
    return is_whole(path)


def _read(path: Path, name: str) -> sitk.Image:
    """The image as ITK reads it."""
    try:
        image = read_image(path)
    except (RuntimeError, MemoryError, UnicodeError) as error:
        if "spacing is not supported" in str(error):
            raise InputError(
                f"{path} states a voxel spacing of 0; correct it, in millimetres, and save it again."
            ) from error
        raise InputError(f"{path} cannot be read as an image; save the {name} again as NIfTI, NRRD or MHA.") from error
    while image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetNumberOfComponentsPerPixel() == 1 and "vector" in image.GetPixelIDTypeAsString():
        image = sitk.VectorIndexSelectionCast(image, 0)
    return image


def _require_place(image: sitk.Image, path: Path) -> None:
    if min(image.GetSize()) < 1:
        raise InputError(f"{path} cannot be read as an image: it holds no voxels; save it again.")
    numbers = [*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection()]
    directions = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)
    if not np.isfinite(numbers).all() or np.abs(np.linalg.norm(directions, axis=0) - 1).max() > _ROUNDED:
        raise InputError(f"{path} states directions that are none; correct its geometry, and save it again.")


def require_right_angles(image: sitk.Image, name: str) -> None:
    """Refuse a volume whose axes are sheared by more than what matrices of few digits are.

    Raises:
        InputError: it is, and what to do.
    """
    if shear(image) > MOST_SHEAR:
        raise InputError(f"The {name} is sheared: its axes are not at right angles; {RESAMPLE}.")


def shear(image: sitk.Image) -> float:
    """Largest cosine between two voxel axes."""
    directions = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)
    return float(np.abs(directions.T @ directions - np.eye(image.GetDimension())).max())

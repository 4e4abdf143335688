"""Overlapping segments in a file a layer: L, L-2, L-3 and so on, and what of such names lies there from before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk

from ..exceptions import InputError
from ..images import file_notes, write_volumes

#: What the files say of themselves, so that a later run knows them.
_MARK = "A layer of an overlay by MMHVAE"
_NOTES = "ITK_FileNotes"


def layer_paths(path: Path, count: int) -> list[Path]:
    """Where ``count`` layers go, the first to ``path`` itself.

    Raises:
        InputError: a file that is no layer of ours has such a name.
    """
    paths = [path, *(_numbered(path, number) for number in range(2, count + 1))]
    for taken in paths[1:]:
        if taken.exists() and not _is_ours(taken):
            raise InputError(f"{taken} is there already, and no layer of an overlay; choose another output.")
    return paths


def write_layers(images: Sequence[sitk.Image], path: Path) -> list[str]:
    """Write the layers, all or none; those that an earlier run had more go.

    Returns:
        A sentence for each file of such a name that stays, because it is not ours.

    Raises:
        InputError: as :func:`layer_paths`, or a file cannot be written.
    """
    paths = layer_paths(path, len(images))
    for image in images:
        image.SetMetaData(_NOTES, _MARK)
    write_volumes(dict(zip(paths, images, strict=True)))
    left = []
    for number, other in _others(path):
        if number > len(images):
            if _is_ours(other):
                other.unlink(missing_ok=True)
            else:
                left.append(f"{other} is not of this segmentation.")
    return left


def _parts(path: Path) -> tuple[str, str]:
    suffix = ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
    return path.name.removesuffix(suffix), suffix


def _numbered(path: Path, number: int) -> Path:
    stem, suffix = _parts(path)
    return path.with_name(f"{stem}-{number}{suffix}")


def _others(path: Path) -> list[tuple[int, Path]]:
    stem, suffix = _parts(path)
    name = re.compile(rf"{re.escape(stem)}-([2-9]|[1-9]\d+){re.escape(suffix)}")
    found = ((name.fullmatch(file.name), file) for file in path.parent.iterdir())
    return sorted((int(match[1]), file) for match, file in found if match)


def _is_ours(path: Path) -> bool:
    return file_notes(path).startswith(_MARK)

"""White matter of a whole MR: where its label map lies, its median, and whether that can be true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import WhiteMatter, estimate_white_matter, read_volume, white_matter_from_labels
from numpy.typing import NDArray

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha", ".mgz")
ENDINGS = ("-synthseg", "_synthseg", "-seg", "")  # "" only in a folder of label maps
#: Median of the visible brain as a multiple of white matter's: tissue is mostly white and grey matter.
PLAUSIBLE_RATIO = (0.3, 3.5)


def find_label_map(image: Path, folder: Path | None = None) -> Path | None:
    """The label map of the image ``NAME``: ``NAME-synthseg`` or ``NAME_synthseg`` beside it, or one in ``folder``.

    In ``folder`` it may have the bare name of the image, and lie in a folder of the case's name. A map in ``folder``
    goes before one beside the image.
    """
    name = next((image.name.removesuffix(s) for s in SUFFIXES if image.name.endswith(s)), image.stem)
    places: list[tuple[Path, tuple[str, ...]]] = [(image.parent, ENDINGS[:2])]
    if folder is not None:
        places = [(folder / image.parent.parent.name, ENDINGS), (folder, ENDINGS), *places]
    for place, endings in places:
        for path in (place / f"{name}{ending}{suffix}" for ending in endings for suffix in SUFFIXES):
            if path.is_file():
                return path
    return None


def measure_white_matter(image: sitk.Image, modality: str, labels: Path | None) -> WhiteMatter:
    """White matter of a whole MR volume, in its own unit: by its label map, else estimated.

    Raises:
        InputError: the label map cannot be used or holds no white matter there, or the estimate is not sure.
    """
    if labels is None:
        return estimate_white_matter(image, modality)
    on_grid = sitk.Resample(read_volume(labels, "label map"), image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return white_matter_from_labels(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(on_grid))


def require_plausible(visible: NDArray[np.float32], white_matter: float, modality: str) -> None:
    """Raise :class:`InputError` where white matter of that median cannot belong to this brain.

    Args:
        visible: the voxels in the field of view (N,), minimum of the whole image subtracted.
        white_matter: median, minimum subtracted.
    """
    if not visible.size:
        raise InputError(f"The {modality} shows nothing in the field of view; check its transform.")
    ratio = float(np.median(visible)) / white_matter if white_matter > 0 else float("inf")
    if not PLAUSIBLE_RATIO[0] <= ratio <= PLAUSIBLE_RATIO[1]:
        raise InputError(
            f"White matter of {white_matter:g} is implausible in the {modality}: the field of view's median is "
            f"{ratio:.2g} times that; give a label map that fits the image."
        )

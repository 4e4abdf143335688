"""The public ReMIND data set (Juvekar et al.) and the transforms that MMHVAE's authors published for it.

::

    CaseNNN/Preop-MR/CaseNNN-preop-MR-3D_AX_T2_SPACE.nrrd ...
    CaseNNN/Intraop-US/CaseNNN-intraop-US-pre_dura.nrrd
    CaseNNN/Annotations/CaseNNN-preop-SEG-tumor-MR-3D_AX_T2_SPACE.nrrd ...

    affine/CaseNNN/CaseNNN-CaseNNN-intraop-US-pre_dura-to-REFERENCE.tfm     points of the reference MR -> of the iUS
    rigid/CaseNNN/CaseNNN-REFERENCE-to-OTHER.tfm                            points of another MR -> of the reference

To resample onto the ultrasound's grid both are inverted: x -> rigid^-1(affine^-1(x)).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmhvae.exceptions import InputError
from mmhvae.images import inverse, read_transform, to_matrix

from .label_maps import find_label_map
from .series import pick_series
from .source import Matrix, SourceCase, SourceImage, attempt

TUMOUR_KINDS = ("SEG-tumor_target-", "SEG-tumor-")  # the lesion operated on, where it has a map of its own, comes first
SMALLEST_DETERMINANT = 0.1  # an affine map that shrinks volumes further is none between two images of one head


@dataclass(frozen=True)
class CaseTransforms:
    """The published transforms of one case."""

    folder: Path
    case: str

    def reference(self) -> tuple[str, Matrix]:
        """Name of the reference MR, and its way: points of the ultrasound -> points of the reference MR.

        Raises:
            InputError: there is not exactly one affine file, or it cannot be used.
        """
        files = sorted((self.folder / "affine" / self.case).glob("*pre_dura*-to-*.tfm"))
        if len(files) != 1:
            raise InputError(
                f"{self.case} has {len(files)} affine transforms in {self.folder}; it needs the published one."
            )
        return files[0].stem.split("-to-")[-1], inverse(_invertible(files[0]))

    def to_series(self, name: str) -> Matrix:
        """Points of the ultrasound -> points of the MR series ``name``, which may be the reference itself.

        Raises:
            InputError: a file is missing or cannot be used.
        """
        reference, to_reference = self.reference()
        if name == reference:
            return to_reference
        path = self.folder / "rigid" / self.case / f"{self.case}-{reference}-to-{name}.tfm"
        return inverse(_invertible(path)) @ to_reference


def _invertible(path: Path) -> Matrix:
    """The file's 4 x 4 matrix, if that of a linear map that can be turned round."""
    try:
        matrix = to_matrix(read_transform(path))
    except InputError as error:
        raise InputError(f"{error} ({path.name})" if path.name not in str(error) else str(error)) from error
    if not np.linalg.det(matrix[:3, :3]) > SMALLEST_DETERMINANT:
        raise InputError(f"The transform {path} mirrors or flattens the image; get the published file again.")
    return matrix


def remind_cases(tree: Path) -> list[Path]:
    """The case folders, in order.

    Raises:
        InputError: the tree holds none.
    """
    folders = sorted(path for path in tree.glob("Case*") if path.is_dir()) if tree.is_dir() else []
    if not folders:
        raise InputError(f"The data set {tree} is empty; give the folder that holds ReMIND's Case001, Case002, ...")
    return folders


def read_remind_case(folder: Path, transforms: Path, labels: Path | None = None) -> SourceCase:
    """One case of the tree; series whose transform is missing or broken are left out, and said so.

    Args:
        folder: ``CaseNNN``.
        transforms: folder with ``affine`` and ``rigid``.
        labels: folder with SynthSeg's label maps, see :func:`find_label_map`.

    Raises:
        InputError: the case has no pre-dura ultrasound.
    """
    published, problems = CaseTransforms(transforms, folder.name), list[str]()
    images = {"us": SourceImage(_ultrasound(folder, problems))}
    picked = pick_series((folder / "Preop-MR").glob("*.nrrd"), problems)
    if picked and attempt(problems, published.reference) is not None:  # one sentence instead of one a series
        for modality, path in picked.items():
            matrix = attempt(problems, published.to_series, path.stem)
            if matrix is not None:
                images[modality] = SourceImage(path, matrix, find_label_map(path, labels))
    tumour = _tumour(folder, published, [path.stem for path in picked.values()], problems)
    return SourceCase(folder.name, images, tumour, tuple(problems))


def _ultrasound(folder: Path, problems: list[str]) -> Path:
    found = sorted((folder / "Intraop-US").glob("*pre_dura*.nrrd"))
    exact = [path for path in found if path.name.endswith("-pre_dura.nrrd")] or found
    if not exact:
        raise InputError(f"{folder.name} has no pre-dura ultrasound (Intraop-US/*-pre_dura.nrrd); leave the case out.")
    if len(exact) > 1:
        problems.append(
            f"{folder.name} has {len(exact)} pre-dura ultrasounds; the first one, {exact[0].name}, is used."
        )
    return exact[0]


def _tumour(folder: Path, published: CaseTransforms, picked: list[str], problems: list[str]) -> SourceImage | None:
    """The segmentation to use: of the lesion operated on, on the reference MR or else on a series that is used."""
    candidates = [
        (kind, path.stem.replace(kind, ""), path)
        for kind in TUMOUR_KINDS
        for path in sorted((folder / "Annotations").glob(f"*{kind}*.nrrd"))
    ]
    missed: list[str] = []
    reference = attempt(missed, published.reference)
    preferred = [reference[0] if reference else "", *picked]
    rank = {name: position for position, name in enumerate(reversed(preferred))}
    ordered = sorted(candidates, key=lambda c: (TUMOUR_KINDS.index(c[0]), -rank.get(c[1], -1)))
    if reference is None:
        return None
    for _, series, path in ordered:
        matrix = attempt(missed, published.to_series, series)
        if matrix is not None:
            return SourceImage(path, matrix)
    if candidates:
        problems.append(f"The tumour of {folder.name} cannot be placed: {missed[0]}")
    return None

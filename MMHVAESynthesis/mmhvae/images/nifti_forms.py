"""Where a NIfTI file says its voxels lie: by the qform, by the sform, by both, or not at all.

Both are allowed by NIfTI-1.1 (2007), and programs differ in which they use. They must agree here, or one be chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from .nifti import NiftiHeader
from .transforms import Matrix, flip_points

NiftiForm = Literal["qform", "sform"]
NIFTI_FORMS: tuple[str, ...] = get_args(NiftiForm)

#: Of a voxel: how far the forms' positions of a voxel may lie apart.
AGREEMENT = 0.5
_MILLIMETRES = (0, 2)  # codes: not stated, and stated
_OPTION = "say which one is right (on the command line --nifti-form qform or --nifti-form sform), or save it with one"
_chosen: ContextVar[str | None] = ContextVar("nifti_form", default=None)


@contextmanager
def chosen_nifti_form(form: str | None) -> Iterator[None]:
    """Within the block, the form to go by where the two of a file disagree, or neither is set."""
    token = _chosen.set(form)
    try:
        yield
    finally:
        _chosen.reset(token)


def placed_by_its_forms(image: sitk.Image, header: NiftiHeader, path: Path, form: str | None = None) -> sitk.Image:
    """The image where the file says it is.

    Args:
        image: 3-D, as ITK read it.
        header: of the file.
        path: of the file, for errors.
        form: "qform" or "sform", for a file whose forms contradict; by default that of :func:`chosen_nifti_form`.

    Raises:
        InputError: the file does not say, or says two things, and none was chosen; or it states another unit.
    """
    if header.unit not in _MILLIMETRES:
        raise InputError(f"{path} states its voxels in another unit than millimetres; convert it, and save it again.")
    form = form or _chosen.get()
    if form not in (None, *NIFTI_FORMS):
        raise InputError(f"There is no NIfTI form {form!r}; choose qform or sform.")
    found = contradiction(matrix_of(image), image.GetSize(), header, path)
    if found is None:
        return image
    if form is None or not found.can_choose:
        raise InputError(str(found))
    matrix = form_matrix(header, form, path)
    image, spacing = sitk.Image(image), np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    return image


def require_readable_forms(header: NiftiHeader, path: Path, form: str | None = None) -> None:
    """Refuse what ITK does not read: a form that is all there is, and is sheared or holds no numbers.

    Raises:
        InputError: that, and what to do.
    """
    if header.is_analyze or len(header.sizes) < 3:
        return
    chosen, set_forms = form or _chosen.get(), {name: matrix for name, matrix, code in _forms(header) if code > 0}
    for name, matrix in set_forms.items():
        if not np.isfinite(matrix).all() and chosen in (None, name):
            raise InputError(f"The {name} of {path} holds numbers that are none; {_OPTION}.")
        if len(set_forms) == 1 and _is_sheared(matrix, header.sizes[:3]):
            raise InputError(f"{path} is sheared by its {name}; {RESAMPLE}.")


@dataclass(frozen=True)
class Contradiction:
    """Why a file does not say where its voxels lie.

    Attributes:
        fact: in words, without its end.
        advice: what to do.
        can_choose: whether it helps to choose one of the forms.
    """

    fact: str
    advice: str = _OPTION
    can_choose: bool = True

    def __str__(self) -> str:
        return f"{self.fact}; {self.advice}."


def contradiction(place: Matrix, size: tuple[int, ...], header: NiftiHeader, path: Path) -> Contradiction | None:
    """What a file leaves open about its place; None where its forms agree with each other and with ITK's reading.

    Args:
        place: (4, 4), where ITK reads it, indices to LPS mm.
        size: of the volume.
        header: of the file.
        path: its name in the words.
    """
    if header.is_analyze:
        advice = "save it as NIfTI, from a program that knows"
        return Contradiction(f"{path} is Analyze 7.5, which does not say where left is", advice, can_choose=False)
    forms = {name: matrix for name, matrix, code in _forms(header) if code > 0}
    if not forms:
        return Contradiction(f"{path} does not say where its voxels lie (neither qform nor sform is set)")
    for name, matrix in forms.items():
        if not np.isfinite(matrix).all():
            return Contradiction(f"The {name} of {path} holds numbers that are none")
    if all(_distance(matrix, place, size)[0] <= _largest(place) for matrix in forms.values()):
        return None
    if len(forms) == 2:
        apart, q, s = _distance(forms["qform"], forms["sform"], size)
        if apart <= _largest(place):
            stated = " x ".join(f"{size:.3g}" for size in header.spacing)
            return Contradiction(f"The qform and the sform of {path} agree, but not with its voxels of {stated} mm")
        return Contradiction(
            f"The qform and the sform of {path} disagree by {apart:.1f} mm: a corner lies at {_point(q)} by the qform"
            f" and at {_point(s)} by the sform"
        )
    (name, matrix), stated = next(iter(forms.items())), " x ".join(f"{s:.3g}" for s in header.spacing)
    if _is_sheared(matrix, size):
        return Contradiction(f"{path} is sheared by its {name}", RESAMPLE, can_choose=False)
    own = " x ".join(f"{s:.3g}" for s in np.linalg.norm(matrix[:3, :3], axis=0))
    return Contradiction(
        f"The voxels of {path} measure {own} mm by its {name} and {stated} mm by its pixdim, with which its qform goes"
    )


#: What to do about a sheared image.
RESAMPLE = "resample it onto a grid with right angles, for instance in 3D Slicer with Resample Scalar/Vector/DWI Volume"


def form_matrix(header: NiftiHeader, form: str, path: Path) -> Matrix:
    """(4, 4) from indices to LPS mm by one of the forms, whether or not it is set.

    Raises:
        InputError: it holds no usable position, or shears the volume.
    """
    matrix = next(matrix for name, matrix, _ in _forms(header) if name == form)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or not (spacing > 0).all() or abs(np.linalg.det(matrix[:3, :3] / spacing)) < 1e-3:
        raise InputError(f"The {form} of {path} holds no usable position; choose the other form, or mend the file.")
    if _is_sheared(matrix, header.sizes[:3]):
        raise InputError(f"{path} is sheared by its {form}; {RESAMPLE}.")
    return matrix


def _forms(header: NiftiHeader) -> list[tuple[str, Matrix, int]]:
    """Name, matrix (4, 4) from indices to LPS mm, and code of the two forms."""
    return [("qform", _qform(header), header.codes[0]), ("sform", _sform(header), header.codes[1])]


def _qform(header: NiftiHeader) -> Matrix:
    b, c, d = header.quaternion
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    spacing = np.abs([*header.spacing, 1.0, 1.0, 1.0][:3])
    return _in_lps(rotation * (spacing * [1.0, 1.0, header.handedness]), header.offset_mm)


def _sform(header: NiftiHeader) -> Matrix:
    rows = np.reshape(header.sform, (3, 4))
    return _in_lps(rows[:, :3], rows[:, 3])


def _in_lps(columns: NDArray[np.float64], origin: Sequence[float] | NDArray[np.float64]) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = columns, origin
    matrix[:2] *= -1
    return matrix


def matrix_of(image: sitk.Image) -> Matrix:
    """(4, 4) from indices to LPS mm of a 3-D image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _largest(place: Matrix) -> float:
    return AGREEMENT * float(np.linalg.norm(place[:3, :3], axis=0).min())


def _corners(size: tuple[int, ...]) -> NDArray[np.float64]:
    return np.array([[i, j, k, 1] for i in (0, size[0] - 1) for j in (0, size[1] - 1) for k in (0, size[2] - 1)], float)


def _distance(a: Matrix, b: Matrix, size: tuple[int, ...]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """How far apart (mm) the corner is that lies farthest apart, and where either matrix puts it; NaN is infinite."""
    corners = _corners(size)
    first, second = corners @ a.T, corners @ b.T
    apart = np.nan_to_num(np.linalg.norm(first - second, axis=1), nan=np.inf)
    worst = int(apart.argmax())
    return float(apart[worst]), first[worst, :3], second[worst, :3]


def _is_sheared(matrix: Matrix, size: tuple[int, ...]) -> bool:
    """Whether the nearest matrix with right angles puts a corner half a voxel away or more."""
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or not (spacing > 0).all():
        return False
    u, _, vt = np.linalg.svd(matrix[:3, :3] / spacing)
    straight = matrix.copy()
    straight[:3, :3] = (u @ vt) * spacing
    return _distance(matrix, straight, size)[0] > _largest(matrix)


def _point(lps: NDArray[np.float64]) -> str:
    x, y, z = flip_points(lps[None])[0]
    return f"R {x:.1f} A {y:.1f} S {z:.1f} mm"

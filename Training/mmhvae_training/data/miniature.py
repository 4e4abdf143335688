"""A miniature of the ReMIND data set: small phantoms in its layout, to try every command on within a minute.

Each phantom is defined by a formula in the ultrasound's space, and every image by evaluating it at the image's own
voxels through the case's transforms: nothing is resampled, so that the truth is known at every point.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.images import MR_MODALITIES, apply_matrix, image_on, inverse, write_transform, write_volume
from numpy.typing import NDArray

from .source import Matrix

Points = NDArray[np.float64]

BRAIN, WHITE, VENTRICLE, NUCLEUS, TUMOUR = 62.0, 54.0, 11.0, 14.0, 9.0  # radii in mm
SYNTHSEG = {1: 42, 2: 41, 3: 43, 4: 41}  # tissue -> SynthSeg's right cortex, white matter, ventricle
#: Grey values of background, grey matter, white matter, fluid, tumour.
GREY_VALUES = {
    "t2": (0, 150, 100, 500, 230),
    "cet1": (0, 130, 180, 40, 320),
    "flair": (0, 150, 120, 30, 260),
    "us": (0, 90, 60, 15, 170),
}
#: Subsets as ReMIND has them: incomplete as a rule.
SUBSETS = (
    MR_MODALITIES,
    ("t2", "cet1"),
    ("cet1",),
    MR_MODALITIES,
    ("flair",),
    ("t2",),
    (),
    ("t2", "cet1"),
)
SERIES = {"t2": "3D_AX_T2_SPACE-r", "cet1": "3D_AX_T1_postcontrast", "flair": "3D_SAG_T2_FLAIR"}
#: Series that must not be chosen: of another kind, or coarser.
DECOYS = {"3D_AX_T2_SPACE": ("t2", 4.0), "2D_AX_T2_BLADE": ("t2", 4.0), "3D_AX_T1_precontrast": ("cet1", 4.0)}


@dataclass(frozen=True)
class Phantom:
    """One patient. ``affine``: points of the reference MR -> of the ultrasound; ``rigid``: of others -> of it."""

    name: str
    subset: tuple[str, ...]
    tumour: Points
    affine: Matrix
    rigid: Matrix
    seed: int

    def tissue(self, points: Points) -> NDArray[np.uint8]:
        """0 to 4 (background, grey, white, fluid, tumour) at points (N, 3) of the ultrasound's space, LPS mm."""
        distance = np.linalg.norm(points, axis=1)
        result = np.where(distance < WHITE, 2, np.where(distance < BRAIN, 1, 0))
        result[np.linalg.norm(points + 0.75 * self.tumour, axis=1) < NUCLEUS] = 1
        result[np.linalg.norm(points - [-14, 4, 6], axis=1) < VENTRICLE] = 3
        result[np.linalg.norm(points - self.tumour, axis=1) < TUMOUR] = 4
        return result.astype(np.uint8)

    def to_ultrasound(self, modality: str) -> Matrix:
        """Points of an MR -> points of the ultrasound. The first modality of the subset is the reference."""
        return self.affine if modality == self.subset[0] else self.affine @ self.rigid

    def image(self, modality: str, grid: sitk.Image, way: Matrix) -> sitk.Image:
        """What a scanner sees on ``grid``, whose points ``way`` takes to the ultrasound's space; with noise."""
        tissue = self.tissue(apply_matrix(way, grid_points(grid)))
        values = np.array(GREY_VALUES[modality], np.float64)[tissue]
        noise = np.random.default_rng(self.seed).normal(0, 0.03, values.shape)
        return self._on(grid, np.rint(values * (1 + noise)).astype(np.int16))

    def _on(self, grid: sitk.Image, values: NDArray[np.integer]) -> sitk.Image:
        return image_on(values.reshape(grid.GetSize()[::-1]), grid)

    def label_map(self, grid: sitk.Image, way: Matrix) -> sitk.Image:
        """SynthSeg's labels on ``grid``; it does not know tumours."""
        tissue = self.tissue(apply_matrix(way, grid_points(grid)))
        return self._on(grid, np.array([0, *(SYNTHSEG[t] for t in (1, 2, 3, 4))], np.uint8)[tissue])

    def segmentation(self, grid: sitk.Image, way: Matrix) -> sitk.Image:
        tissue = self.tissue(apply_matrix(way, grid_points(grid)))
        return self._on(grid, (tissue == 4).astype(np.uint8))

    def ultrasound(self, grid: sitk.Image) -> sitk.Image:
        """A cone from above the tumour, speckled; 0 outside."""
        points = grid_points(grid)
        inside = _in_cone(points, self.tumour)
        speckle = np.random.default_rng(self.seed).rayleigh(0.8, len(points))
        values = np.array(GREY_VALUES["us"])[self.tissue(points)] * speckle
        return self._on(grid, np.where(inside, np.clip(values, 1, 255), 0).astype(np.uint8))


def _in_cone(points: Points, tumour: Points) -> NDArray[np.bool_]:
    axis = -tumour / np.linalg.norm(tumour)
    apex = tumour - 18 * axis
    depth = (points - apex) @ axis
    radius = np.linalg.norm(points - apex - depth[:, None] * axis, axis=1)
    return (depth > 4) & (depth < 30) & (radius < 0.7 * depth)


def grid_points(grid: sitk.Image, flat: NDArray[np.integer] | None = None) -> Points:
    """Voxel centres (N, 3), LPS mm: of all voxels, or of those ``flat`` indices of SimpleITK's array."""
    shape = grid.GetSize()[::-1]
    k, j, i = np.unravel_index(np.arange(np.prod(shape)) if flat is None else flat, shape)
    axes = np.reshape(grid.GetDirection(), (3, 3)) * grid.GetSpacing()
    return np.asarray(np.stack([i, j, k], 1) @ axes.T + grid.GetOrigin(), np.float64)


def random_phantom(number: int, seed: int = 0) -> Phantom:
    """The phantom of case ``number``: its transforms turn by up to 20 degrees, shift by 15 mm and scale by 5 %."""
    rng = np.random.default_rng([seed, number])
    direction = rng.standard_normal(3)
    affine, rigid = _random_rigid(rng, 20, 15), _random_rigid(rng, 8, 6)
    affine[:3, :3] = affine[:3, :3] @ np.diag(rng.uniform(0.95, 1.05, 3))
    tumour = 32 * direction / np.linalg.norm(direction)
    return Phantom(
        f"Case{number:03d}", SUBSETS[(number - 1) % len(SUBSETS)], tumour, affine, rigid, int(rng.integers(1000))
    )


def _random_rigid(rng: np.random.Generator, degrees: float, shift: float) -> Matrix:
    versor, axis = sitk.VersorRigid3DTransform(), rng.standard_normal(3)
    versor.SetRotation((axis / np.linalg.norm(axis)).tolist(), np.radians(rng.uniform(degrees / 2, degrees)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(versor.GetMatrix(), (3, 3))
    matrix[:3, 3] = rng.uniform(-shift, shift, 3)
    return matrix


def oblique_grid(rng: np.random.Generator, centre: Points, size: int, spacing: float, left: bool) -> sitk.Image:
    """A cube of ``size`` voxels about ``centre`` with random directions; left-handed where asked."""
    direction = _random_rigid(rng, 60, 0)[:3, :3]
    if left:
        direction[:, 0] *= -1
    grid = sitk.Image([size] * 3, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetDirection(direction.ravel().tolist())
    grid.SetOrigin((centre - direction @ np.full(3, spacing * (size - 1) / 2)).tolist())
    return grid


def write_miniature(output: Path, cases: int = 8, seed: int = 0) -> list[Phantom]:
    """Write ``nrrd`` (the data set) and ``registration`` (its transforms) into ``output``; what was written.

    Even cases have left-handed images. Cases 1 to 3 of 4 have SynthSeg's label maps; white matter of the others is
    to be estimated.
    """
    phantoms = [random_phantom(number, seed) for number in range(1, cases + 1)]
    for number, phantom in enumerate(phantoms, start=1):
        _write_case(phantom, output / "nrrd" / phantom.name, number % 2 == 0, number % 4 != 0)
        _write_transforms(phantom, output / "registration")
    return phantoms


def _write_case(phantom: Phantom, folder: Path, left: bool, labelled: bool) -> None:
    rng = np.random.default_rng(phantom.seed)
    for name in ("Preop-MR", "Intraop-US", "Annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    grid = oblique_grid(rng, phantom.tumour, 56, 0.7, left)
    write_volume(phantom.ultrasound(grid), folder / "Intraop-US" / f"{phantom.name}-intraop-US-pre_dura.nrrd")
    series = {SERIES[name]: (name, 2.5) for name in phantom.subset}
    series |= {name: what for name, what in DECOYS.items() if what[0] in phantom.subset}
    for title, (modality, spacing) in series.items():
        way = phantom.to_ultrasound(modality)
        centre = apply_matrix(inverse(way), np.zeros((1, 3)))[0]
        grid = oblique_grid(rng, centre, round(140 / spacing), spacing, left)
        stem = f"{phantom.name}-preop-MR-{title}"
        write_volume(phantom.image(modality, grid, way), folder / "Preop-MR" / f"{stem}.nrrd")
        if labelled and title not in DECOYS:
            write_volume(phantom.label_map(grid, way), folder / "Preop-MR" / f"{stem}-synthseg.nrrd")
        if title == SERIES[phantom.subset[-1]]:
            title = stem.replace("-MR-", "-SEG-tumor-MR-")
            write_volume(phantom.segmentation(grid, way), folder / "Annotations" / f"{title}.nrrd")


def _write_transforms(phantom: Phantom, folder: Path) -> None:
    if not phantom.subset:
        return
    name, reference = phantom.name, f"{phantom.name}-preop-MR-{SERIES[phantom.subset[0]]}"
    files = {folder / "affine" / name / f"{name}-{name}-intraop-US-pre_dura-to-{reference}.tfm": phantom.affine}
    for other in phantom.subset[1:]:
        path = folder / "rigid" / name / f"{name}-{reference}-to-{name}-preop-MR-{SERIES[other]}.tfm"
        files[path] = phantom.rigid
    for path, matrix in files.items():
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(matrix[:3, 3].tolist())
        write_transform(transform, path)

"""A real multi-contrast MRI as another head: shares of tissues estimated from its contrasts and tumour labels.

The folder holds skull-stripped, co-registered ``t1``, ``t2``, ``cet1`` and ``flair`` and the labels ``tumor`` (1 core,
2 oedema, 4 enhancing), all ``.nii.gz`` on one grid of 1 mm with axes along L, P and S, as BraTS and TCIA give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import open_image
from scipy import ndimage

from .anatomy import TISSUES, Anatomy
from .deformation import Warp, template_points
from .geometry import Array, Grid, Maps, sample, upsample
from .segmentation import segment
from .template import COARSE, load_template

#: The contrasts that come out, and all that the shares are estimated from.
CONTRASTS = ("t2", "cet1", "flair")
_SEQUENCES = ("t1", *CONTRASTS)
#: Voxels (mm) kept around the brain.
_MARGIN = 14


@dataclass(frozen=True)
class RealHead:
    """Shares of ``TISSUES`` (C, nz, ny, nx) and contrasts {name: (nz, ny, nx)} on one grid of 1 mm.

    The grid is shifted so that the brain's middle lies where the template's does: warps and approaches drawn for
    the template then serve this head, too.
    """

    grid: Grid
    shares: Array
    contrasts: Maps


@lru_cache(maxsize=2)
def load_real_head(folder: Path) -> RealHead:
    """Read the head in ``folder`` once a process and estimate its tissues.

    Raises:
        InputError: a file is missing, or the images do not share one upright grid of 1 mm.
    """
    images = {name: _read(folder / f"{name}.nii.gz") for name in (*_SEQUENCES, "tumor")}
    reference = images["t1"]
    for name, image in images.items():
        same = image.GetSize() == reference.GetSize() and np.allclose(image.GetOrigin(), reference.GetOrigin())
        upright = np.allclose(image.GetDirection(), np.eye(3).ravel()) and np.allclose(image.GetSpacing(), 1)
        if not (same and upright):
            raise InputError(f"{name} in {folder} is not on the 1 mm axial grid of t1; resample it onto that grid.")
    volumes = {name: np.asarray(sitk.GetArrayFromImage(image)) for name, image in images.items()}
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(volumes["t2"] > 0))
    brain &= np.all([volumes[name] > 0 for name in CONTRASTS], axis=0) | ndimage.binary_erosion(brain, iterations=3)
    box = _box(brain)
    cut = {name: np.where(brain, volume, 0)[box].astype(np.float32) for name, volume in volumes.items()}
    contrasts = {name: np.maximum(cut[name], 0) for name in _SEQUENCES}
    shares = segment(contrasts, cut["tumor"].astype(np.uint8), np.ascontiguousarray(brain[box]))
    stacked = np.stack([shares.get(name, np.zeros_like(cut["t2"])) for name in TISSUES])
    return RealHead(_placed(brain[box]), stacked, {name: contrasts[name] for name in CONTRASTS})


def _read(path: Path) -> sitk.Image:
    if not path.is_file():
        raise InputError(f"{path} is missing; give the folder of a real head with t1, t2, cet1, flair and tumor.")
    return open_image(path)


def _box(brain: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """The brain and its margin; every axis has a multiple of COARSE voxels and one more where the image allows."""
    sides = []
    for side, size in zip(ndimage.find_objects(brain.astype(np.uint8))[0], brain.shape, strict=True):
        start, stop = max(side.start - _MARGIN, 0), min(side.stop + _MARGIN, size)
        sides.append(slice(start, stop - (stop - start - 1) % COARSE))
    return tuple(sides)


def _placed(brain: npt.NDArray[np.bool_]) -> Grid:
    """The grid on which the middle of ``brain``'s bounding box meets that of the template's brain."""
    template = load_template()
    other = _middle(template.maps[-1] > 0) + template.grid.origin
    x, y, z = (other - _middle(brain)).tolist()
    nz, ny, nx = brain.shape
    return Grid((nx, ny, nz), 1.0, (x, y, z), np.eye(3))


def _middle(brain: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Middle (x, y, z) in voxels of the bounding box of ``brain``."""
    sides = ndimage.find_objects(brain.astype(np.uint8))[0]
    return np.array([(side.start + side.stop - 1) / 2 for side in reversed(sides)])


def real_anatomy(head: RealHead, warp: Warp | None = None) -> tuple[Anatomy, dict[str, Array]]:
    """The head as an anatomy, and its own contrasts {t2, cet1, flair: (nz, ny, nx)}, both under the same ``warp``.

    ``warp`` maps the result's points to the head's, as it maps an anatomy's to the template; None leaves the head.
    Contrasts keep their grey levels and are 0 outside the brain.
    """
    if warp is None:
        return Anatomy(head.grid, head.shares), dict(head.contrasts)
    coarse = template_points(warp, head.grid.points(COARSE))
    points = np.moveaxis(upsample(np.moveaxis(coarse, -1, 0), head.grid.shape), 0, -1)
    maps = np.concatenate([head.shares, np.stack(list(head.contrasts.values()))])
    warped = sample(maps, head.grid.indices(points))
    tissues, contrasts = warped[: len(TISSUES)], warped[len(TISSUES) :]
    return Anatomy(head.grid, tissues), dict(zip(head.contrasts, contrasts, strict=True))

"""A real multi-contrast MRI as another head: shares of tissues estimated from its contrasts and tumour labels.

A patient's folder NAME holds skull-stripped, co-registered images on one grid of 1 mm with axes along L, P and S, as
BraTS and TCIA give them: ``NAME_t1``, ``NAME_t2``, ``NAME_t1ce``, ``NAME_flair`` and the labels ``NAME_seg`` (1 core,
2 oedema, 3 or 4 enhancing), or the same as ``t1``, ``t2``, ``cet1``, ``flair`` and ``tumor``; all ``.nii.gz``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import MR_MODALITIES, open_image
from scipy import ndimage

from .anatomy import Anatomy, hull_depth
from .craniotomy import Brain, brain_of
from .deformation import Warp, template_points
from .geometry import Array, Grid, Maps, sample, upsample
from .segmentation import segment
from .template import COARSE, load_template
from .tissues import TISSUES, share_of

#: The contrasts that come out, and all that the shares are estimated from; BraTS's ending of each file.
CONTRASTS = MR_MODALITIES
_SEQUENCES = ("t1", *CONTRASTS)
_ENDINGS = {"t1": "t1", "t2": "t2", "cet1": "t1ce", "flair": "flair", "tumor": "seg"}
#: Voxels (mm) kept around the brain.
_MARGIN = 14
#: Plausible ranges of grey to white matter by volume, and of the ventricles' volume (ml): elsewhere the maps failed.
_GREY_TO_WHITE, _VENTRICLES = (0.4, 1.6), (4.0, 150.0)
#: Heads kept in memory, 60 MB each.
_KEPT = 40


@dataclass(frozen=True)
class RealHead:
    """Shares of ``TISSUES`` (C, nz, ny, nx; in 255ths) and contrasts {name: (nz, ny, nx)} on one grid of 1 mm.

    ``depth`` (nz, ny, nx) is the signed distance (mm) to the hull. The grid is shifted so that the brain's middle
    lies where the template's does: warps and approaches drawn for the template then serve this head, too.
    """

    name: str
    grid: Grid
    shares: npt.NDArray[np.uint8]
    contrasts: dict[str, npt.NDArray[np.float16]]
    depth: npt.NDArray[np.float16]

    def volume(self, *tissues: str) -> float:
        """Of the tissues together, ml."""
        return float(sum(self.shares[TISSUES.index(name)].sum(dtype=np.float64) for name in tissues) / 255e3)

    @property
    def doubt(self) -> str | None:
        """Why the tissue maps cannot be right, or None."""
        ratio, ventricles = self.volume("grey", "deep") / max(self.volume("white"), 1e-3), self.volume("ventricle")
        if not _GREY_TO_WHITE[0] <= ratio <= _GREY_TO_WHITE[1]:
            return f"{ratio:.2f} times as much grey as white matter"
        if not _VENTRICLES[0] <= ventricles <= _VENTRICLES[1]:
            return f"ventricles of {ventricles:.0f} ml"
        return None


def head_folders(folder: Path) -> list[Path]:
    """The patients below ``folder`` that have all five files, by name.

    Raises:
        InputError: there is none.
    """
    found = [path for path in sorted(folder.glob("*/")) if all(_file(path, name).is_file() for name in _ENDINGS)]
    if not found:
        raise InputError(f"{folder} holds no patient with NAME_t1, _t1ce, _t2, _flair and _seg; choose another folder.")
    return found


def _file(folder: Path, name: str) -> Path:
    plain = folder / f"{name}.nii.gz"
    return plain if plain.is_file() else folder / f"{folder.name}_{_ENDINGS[name]}.nii.gz"


@lru_cache(maxsize=_KEPT)
def load_real_head(folder: Path) -> RealHead:
    """Read the head in ``folder`` once a process and estimate its tissues.

    Raises:
        InputError: a file is missing, or the images do not share one upright grid of 1 mm.
    """
    volumes = {name: np.pad(volume, _MARGIN) for name, volume in _volumes(folder).items()}
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(volumes["t2"] > 0))
    brain &= np.all([volumes[name] > 0 for name in CONTRASTS], axis=0) | ndimage.binary_erosion(brain, iterations=3)
    box = _box(brain)
    cut = {name: np.where(brain, volume, 0)[box].astype(np.float32) for name, volume in volumes.items()}
    contrasts = {name: np.maximum(cut[name], 0) for name in _SEQUENCES}
    named = segment(contrasts, cut["tumor"].astype(np.uint8), np.ascontiguousarray(brain[box]))
    shares = np.stack([named.get(name, np.zeros_like(cut["t2"])) for name in TISSUES])
    grid = _placed(brain[box])
    depth = hull_depth(Anatomy(grid, shares)).astype(np.float16)
    kept = {name: contrasts[name].astype(np.float16) for name in CONTRASTS}
    return RealHead(folder.name, grid, np.round(255 * shares).astype(np.uint8), kept, depth)


def _volumes(folder: Path) -> dict[str, npt.NDArray[np.generic]]:
    images = {name: _read(folder, name) for name in _ENDINGS}
    reference = images["t1"]
    for name, image in images.items():
        same = image.GetSize() == reference.GetSize() and np.allclose(image.GetOrigin(), reference.GetOrigin())
        upright = np.allclose(image.GetDirection(), np.eye(3).ravel()) and np.allclose(image.GetSpacing(), 1)
        if not (same and upright):
            raise InputError(f"{name} in {folder} is not on the 1 mm axial grid of t1; resample it onto that grid.")
    return {name: np.asarray(sitk.GetArrayFromImage(image)) for name, image in images.items()}


def _read(folder: Path, name: str) -> sitk.Image:
    path = _file(folder, name)
    if not path.is_file():
        raise InputError(f"{path} is missing; give the folder of a real head with t1, t2, cet1, flair and its tumour.")
    return open_image(path)


def _box(brain: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """The brain and its margin; every axis has a multiple of COARSE voxels and one more."""
    sides = []
    for side in ndimage.find_objects(brain.astype(np.uint8))[0]:
        start, stop = side.start - _MARGIN, side.stop + _MARGIN
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


def real_anatomy(head: RealHead, warp: Warp | None = None) -> tuple[Anatomy, Maps]:
    """The head as an anatomy, and its own contrasts {t2, cet1, flair: (nz, ny, nx)}, both under the same ``warp``.

    ``warp`` maps the result's points to the head's, as it maps an anatomy's to the template; None leaves the head.
    Contrasts keep their grey levels and are 0 outside the brain.
    """
    contrasts = {name: np.asarray(image, np.float32) for name, image in head.contrasts.items()}
    shares = head.shares.astype(np.float32) / np.float32(255)
    if warp is None:
        return Anatomy(head.grid, shares), contrasts
    coarse = template_points(warp, head.grid.points(COARSE))
    points = np.moveaxis(upsample(np.moveaxis(coarse, -1, 0), head.grid.shape), 0, -1)
    warped = sample(np.concatenate([shares, np.stack(list(contrasts.values()))]), head.grid.indices(points))
    tissues, images = warped[: len(TISSUES)], warped[len(TISSUES) :]
    return Anatomy(head.grid, tissues), dict(zip(contrasts, images, strict=True))


def head_brain(head: RealHead, warp: Warp) -> tuple[Brain, Array, Array]:
    """What an approach to the warped head is planned by; shares (z, y, x) of solid tumour, and of it with oedema."""
    mapped = template_points(warp, head.grid.points(COARSE))
    index = head.grid.indices(mapped)
    depth = sample(head.depth.astype(np.float32)[None], index, "border")[0]
    shares = sample(head.shares.astype(np.float32) / np.float32(255), index)
    brain = brain_of(head.grid, mapped, depth, share_of(shares, "white"), share_of(shares, "ventricle"))
    solid = share_of(shares, "core", "rim", "necrosis")
    return brain, solid, solid + share_of(shares, "oedema")

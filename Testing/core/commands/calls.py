"""Calls of the command line that several tests make, and the images and files they are made of."""

from __future__ import annotations

import json
from pathlib import Path

import mmhvae
import numpy as np
import SimpleITK as sitk
from mmhvae.images.volumes import image_on
from mmhvae.network.model import MMHVAEConfig

CORE = Path(mmhvae.__file__).parents[1]


CONFIG = MMHVAEConfig(
    modalities=("us", "t2", "flair"), image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4,
    decoder_blocks=1,
)  # fmt: skip


STORED = (1e-3, 1e-5)  # NIfTI stores origin and spacing (mm) in float32, and directions as quaternions


SIZE = (14, 16, 12)


def speckled(grid: sitk.Image, seed: int = 0) -> sitk.Image:
    shape = grid.GetSize()[::-1]
    return image_on(np.random.default_rng(seed).uniform(20, 250, shape).astype(np.float32), grid)


def require_one_sentence(status: int, errors: str) -> None:
    assert status == 2, errors
    assert errors.startswith("mmhvae: ")
    assert errors.endswith(".\n")
    assert errors.count("\n") == 1, errors
    assert "Traceback" not in errors


def files(folder: Path | None) -> list[str]:
    """Names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir()) if folder is not None and folder.is_dir() else []


def synthesis(bundle: Path, us: Path, output: Path, *more: object, targets: tuple[str, ...] = ("t2",)) -> list[object]:
    return ["synthesize", "--bundle", bundle, "--us", us, "--targets", *targets, "--output", output, *more]


def landmarks(true: sitk.Transform) -> tuple[np.ndarray, np.ndarray]:
    fixed = np.array([[8.0, 55.0, 30.0], [18.0, 70.0, 40.0], [0.0, 62.0, 37.0], [14.0, 50.0, 45.0]])
    return fixed, np.array([true.TransformPoint(point) for point in fixed.tolist()])


def write_markups(points: np.ndarray, path: Path) -> Path:
    controls = [{"position": point, "positionStatus": "defined"} for point in points.tolist()]
    content = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": controls}]}
    path.write_text(json.dumps(content))
    return path


def write_tag(moving: np.ndarray, fixed: np.ndarray, path: Path) -> Path:
    flip = [-1, -1, 1]  # tag files are in RAS
    rows = [" ".join(f"{x:.6f}" for x in (*m, *f)) + ' ""' for m, f in zip(moving * flip, fixed * flip, strict=True)]
    path.write_text("MNI Tag Point File\nVolumes = 2;\n\nPoints =\n" + "\n".join(rows) + ";\n")
    return path


def saved(image: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(image, str(path))
    return path


def filled(value: float, size: tuple[int, ...] = (12, 10, 8)) -> sitk.Image:
    return sitk.GetImageFromArray(np.full(size[::-1], value, np.float32))


def bytes_as(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path

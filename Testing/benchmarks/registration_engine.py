"""Our registration as engines of the benchmark.

An engine takes a case (arrays indexed [i, j, k] with RAS affines) and returns the 4 x 4 matrix, fixed RAS points ->
moving RAS points. The repository's core is imported from beside this file, so that nothing needs to be installed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MMHVAESynthesis"))

from mmhvae.images.transforms import Matrix, flip_ras_lps, to_matrix
from mmhvae.images.volumes import image_in_ras
from mmhvae.registration.channels import Channel
from mmhvae.registration.rigid import register_channels
from mmhvae.settings import Method


class Case(Protocol):
    """What the engines use of a benchmark case."""

    fixed: NDArray[np.float32]
    fixed_affine: NDArray[np.float64]
    fixed_mask: NDArray[np.uint8]
    moving: NDArray[np.float32]
    moving_affine: NDArray[np.float64]
    moving_mask: NDArray[np.uint8]


def to_channel(case: Case, signed: bool = False) -> Channel:
    """The case as the core takes it."""
    return Channel(
        image_in_ras(case.fixed, case.fixed_affine),
        image_in_ras(case.moving, case.moving_affine),
        fixed_mask=image_in_ras(case.fixed_mask, case.fixed_affine),
        moving_mask=image_in_ras(case.moving_mask, case.moving_affine),
        signed=signed,
    )


def _register(case: Case, signed: bool = False, preview: bool = False, method: Method = "gauss-newton") -> Matrix:
    result = register_channels([to_channel(case, signed)], device="cpu", preview=preview, method=method, prior=None)
    return flip_ras_lps(to_matrix(result.transform))


def mmhvae_rigid(case: Case) -> Matrix:
    """The registration as it ships: contrast unknown, down to 1 mm."""
    return _register(case)


def mmhvae_signed(case: Case) -> Matrix:
    """The same where both contrasts are known to be equal."""
    return _register(case, signed=True)


def mmhvae_preview(case: Case) -> Matrix:
    """The preview, which stops at 2 mm."""
    return _register(case, preview=True)


def mmhvae_adam(case: Case) -> Matrix:
    """Plain gradient ascent on the same similarity, from the given start alone: the paper's method."""
    return _register(case, method="adam")

"""Grey values in and out of the network: the input's normalisation and the harmonisation of MR targets.

Every statistic is taken over the whole 3-D volume, never slice by slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError
from .modalities import MODALITIES, modality

Voxels = NDArray[Any]  # any real dtype

#: The foreground's darkest voxel: one of 256 grey levels above the background's -1.
FOREGROUND_MINIMUM = -255 / 256
BACKGROUND = -1.0
#: Brighter voxels than this percentile of the foreground are clipped to it.
CLIPPED_PERCENTILE = 99.95
#: White matter's median in harmonised MR, as a fraction of the range [0, 1].
WHITE_MATTER_LEVEL = MappingProxyType({"t2": 1 / 7, "cet1": 1 / 5, "flair": 1 / 3})


@dataclass(frozen=True)
class InputRange:
    """The grey values of one volume that become -255/256 (``minimum``) and +1 (``maximum``).

    Taken from the original volume with :func:`input_range`, it can be applied to a resampled or cropped one.
    """

    minimum: float
    maximum: float

    def normalise(self, voxels: Voxels, foreground: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Grey values of any shape -> float32 in [-1, 1]; exactly -1 outside the foreground.

        ``foreground`` is a mask of the same shape, such as a closed and hole-filled field of view: a voxel of
        value 0 inside it becomes -255/256, not background. Default: voxels > 0.

        Raises:
            InputError: a voxel is NaN or infinite.
            ValueError: the mask's shape differs from the voxels'.
        """
        _require_finite(voxels)
        if foreground is None:
            foreground = voxels > 0
        if foreground.shape != voxels.shape:
            raise ValueError(f"The foreground's shape {foreground.shape} differs from the voxels' {voxels.shape}.")
        clipped = np.clip(voxels.astype(np.float32), np.float32(self.minimum), np.float32(self.maximum))
        share = (clipped - np.float32(self.minimum)) / np.float32(self.maximum - self.minimum)
        scaled = share * np.float32(1 - FOREGROUND_MINIMUM) + np.float32(FOREGROUND_MINIMUM)
        return np.where(foreground, scaled, np.float32(BACKGROUND)).astype(np.float32, copy=False)


def input_range(voxels: Voxels) -> InputRange:
    """The range of the voxels > 0, from their minimum to their 99.95th percentile.

    Raises:
        InputError: a voxel is NaN or infinite, none is above 0, or those above 0 are all alike.
    """
    _require_finite(voxels)
    foreground = voxels[voxels > 0].astype(np.float32)
    if not foreground.size:
        raise InputError("The image is empty: choose one that has voxels above 0.")
    minimum, maximum = float(foreground.min()), float(np.percentile(foreground, CLIPPED_PERCENTILE))
    if not np.float32(maximum - minimum) > 0:
        raise InputError("The image shows nothing: all its voxels above 0 have the same value, choose another one.")
    return InputRange(minimum, maximum)


def harmonise_target(
    voxels: Voxels, modality_id: str, white_matter_median: float, minimum: float | None = None
) -> NDArray[np.float32]:
    """An MR volume of any shape -> float32 in [-1, 1], with white matter at the same level in every patient.

    The minimum becomes 0 and the white-matter median 1/7 (T2), 1/5 (ceT1) or 1/3 (FLAIR) of the range [0, 1];
    what is brighter than the range is clipped.

    Args:
        white_matter_median: in the voxels' own unit, i.e. before the minimum is subtracted.
        minimum: of the whole volume, where ``voxels`` is only a part of it or resampled. Default: the voxels' own.

    Raises:
        InputError: the modality has no harmonisation, a voxel is NaN or infinite, or the median is not a finite
            value above the minimum.
    """
    level = _white_matter_level(modality_id)
    _require_finite(voxels)
    minimum = float(voxels.min()) if minimum is None else minimum
    above_minimum = white_matter_median - minimum
    if not (np.isfinite(above_minimum) and above_minimum > 0):
        raise InputError(
            f"A white-matter median of {white_matter_median:g} is not above the image's minimum of {minimum:g}: "
            "give a white-matter label map that fits the image."
        )
    unit = np.clip((voxels.astype(np.float32) - np.float32(minimum)) * np.float32(level / above_minimum), 0, 1)
    return from_unit(unit)


def to_unit(harmonised: Voxels) -> NDArray[np.float32]:
    """The network's range [-1, 1] -> [0, 1], in which results are shown and saved."""
    return ((harmonised.astype(np.float32) + 1) / 2).astype(np.float32)


def from_unit(unit: Voxels) -> NDArray[np.float32]:
    """[0, 1] -> the network's range [-1, 1]."""
    return (unit.astype(np.float32) * 2 - 1).astype(np.float32)


def _white_matter_level(modality_id: str) -> float:
    if not modality(modality_id).is_mr:
        known = ", ".join(key for key in MODALITIES if key in WHITE_MATTER_LEVEL)
        raise InputError(f"Only MR is harmonised by white matter: use one of {known}, not '{modality_id}'.")
    return WHITE_MATTER_LEVEL[modality_id]


def _require_finite(voxels: Voxels) -> None:
    if not np.isfinite(voxels).all():
        raise InputError("The image holds NaN or infinite voxels: replace them before using it.")

"""Masked local normalised cross-correlation of two volumes, and its derivatives by the pose.

The similarity of a pose T is the mean over windows w of the fixed volume's field of view of the correlation

    rho_w = cov_w / sqrt(var_w(F) var_w(M))

between the fixed volume F and the moving volume M(T x): rho_w itself where both have the same contrast (`signed`),
rho_w^2 where the contrast is unknown or inverted (Cachier and Pennec, 2000; Avants et al., 2008). The mean is taken
over the windows that hold enough voxels of both masks. Where hardly any is left the missing ones count as 0: leaving
does not pay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .volumes import Volume
from .windows import WindowedSimilarity

#: The mean is taken over at least this share of the windows that the fixed mask supports.
MINIMUM_COVERAGE = 0.25

#: Added to the variances (the volumes have unit variance): windows without structure do not correlate by noise.
VARIANCE_FLOOR = 1e-3


@dataclass(frozen=True)
class CorrelationWindows:
    """The moments and correlations of the windows around the blocks, all (B, b)."""

    count: Tensor  # voxels inside both masks, at least 1
    weight: Tensor  # of the window in the mean; 0 where the masks leave too few voxels
    mean_fixed: Tensor
    mean_moving: Tensor
    inverse_moving: Tensor  # 1 / variance
    inverse_both: Tensor  # 1 / sqrt of the product of variances
    correlation: Tensor


class LocalCorrelation(WindowedSimilarity[CorrelationWindows]):
    """Local correlation of one pair of volumes at one resolution; see :class:`WindowedSimilarity`.

    Args:
        signed: rho rather than rho squared.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        centre: NDArray[np.float64],
        window: float,
        block: float = 0.0,
        signed: bool = False,
    ) -> None:
        self.signed = signed
        super().__init__(fixed, moving, moving.intensities[None], centre, window, block)
        self.least_weight = MINIMUM_COVERAGE * float(self.window_weights.sum()) or 1.0

    def _block_sums(self, samples: Tensor, blocks: slice) -> Tensor:
        """(B, 6, b): per block the sums of w, w F, w F F, w M, w M M and w M F, for (B, 2, b v) moving samples."""
        fixed = self.fixed[blocks]
        weights = self._joint_weights(samples[:, 1], blocks)
        moving = samples[:, 0].reshape(weights.shape)
        wf, wm = weights * fixed, weights * moving
        return torch.stack([p.sum(-1) for p in (weights, wf, wf * fixed, wm, wm * moving, wm * fixed)], 1)

    def _compare(self, sums: Tensor) -> CorrelationWindows:
        count = sums[:, 0].clamp(min=1)
        f, ff, m, mm, fm = (sums[:, 1:] / count[:, None]).unbind(1)
        inverse_fixed = 1 / ((ff - f * f).clamp(min=0) + VARIANCE_FLOOR)
        inverse_moving = 1 / ((mm - m * m).clamp(min=0) + VARIANCE_FLOOR)
        inverse_both = (inverse_fixed * inverse_moving).sqrt()
        weight = (sums[:, 0] > self.least_count).float() * self.window_weights
        return CorrelationWindows(count, weight, f, m, inverse_moving, inverse_both, (fm - f * m) * inverse_both)

    def _values(self, windows: CorrelationWindows) -> Tensor:
        terms = windows.correlation if self.signed else windows.correlation**2
        return (terms * windows.weight).sum(1) / self._total_weight(windows)

    def _total_weight(self, windows: CorrelationWindows) -> Tensor:
        """(B,): the weight over which the mean is taken."""
        return windows.weight.sum(1).clamp(min=self.least_weight)

    def _coefficients(self, windows: CorrelationWindows) -> Tensor:
        """(B, 3, b): sums over the windows that hold a block of a, of a mean F - c mean M, and of c, where

        d rho_w / d M(x) = a (F(x) - mean F) - c (M(x) - mean M) for x in w; for rho^2 both gain a factor 2 rho.
        """
        s = windows
        chain = s.weight if self.signed else 2 * s.weight * s.correlation
        a = chain * s.inverse_both / s.count
        c = chain * s.correlation * s.inverse_moving / s.count
        sums = self._spread(torch.stack([a, a * s.mean_fixed - c * s.mean_moving, c], 1))
        return sums / self._total_weight(s)[:, None, None]

    def _by_feature(
        self, samples: Tensor, coefficients: Tensor, blocks: slice
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        a, constant, c = coefficients[..., None].unbind(1)  # (B, b, 1) each
        weights = self._joint_weights(samples[:, 1], blocks)
        slopes = weights * (a * self.fixed[blocks] - constant - c * samples[:, 0].reshape(weights.shape))
        return [slopes.flatten(1)], [[(weights * c.abs()).flatten(1)]]

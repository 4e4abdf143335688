"""LC2, the linear correlation of linear combination, between ultrasound and MR (Wein et al., MICCAI 2013).

In each window the ultrasound U is fitted by a M + b |grad M| + c: echoes come from tissue, which has some MR intensity,
and from its interfaces. With p = (a, b), C the covariance of M and |grad M|, and v their covariances with U,

    S_w = p . v / var_w(U),   p = C^-1 v,

is the share of the ultrasound's local variance that the fit explains. The similarity is the mean of S_w weighted by the
window's standard deviation of U, over all windows of the field of view: windows that left the MR explain nothing.

Since p maximises 2 p . v - p . C p, the derivative by the moving features needs no derivative of p:
d S_w / d M(x) = 2 a r(x) / (n var_w(U)), with r the fit's residual, and the same with b for |grad M|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .similarity import VARIANCE_FLOOR
from .volumes import Volume
from .windows import WindowedSimilarity


@dataclass(frozen=True)
class FittedWindows:
    """The fits of the windows around the blocks, all (B, b)."""

    count: Tensor  # voxels inside both masks, at least 1
    weight: Tensor  # of the window in the mean; 0 where the masks leave too few voxels
    intensity: Tensor  # a
    gradient: Tensor  # b
    constant: Tensor  # c
    inverse_fixed: Tensor  # 1 / var(U)
    explained: Tensor  # S


def gradient_magnitude(moving: Volume) -> Volume:
    """|grad M| of unit mean square, known inside the mask but for its outermost voxels.

    To be taken at full resolution and then smoothed for coarser levels: the gradient of a smoothed image has lost the
    thin interfaces that ultrasound shows.
    """
    axes = [axis for axis, size in enumerate(moving.intensities.shape) if size > 1]
    parts = torch.gradient(moving.intensities, dim=axes)
    slopes = torch.stack(list(parts), -1) @ torch.tensor(
        np.linalg.inv(moving.matrix[:3, :3])[axes], dtype=torch.float32, device=moving.intensities.device
    )  # (D, H, W, 3), per mm in LPS
    outside = F.pad((moving.weights <= 0).float()[None, None], [1] * 6, value=1.0)
    inner = (F.max_pool3d(outside, 3, stride=1)[0, 0] == 0).float()
    magnitude = slopes.norm(dim=-1) * inner
    scale = (magnitude.square().sum() / inner.sum().clamp(min=1)).sqrt().clamp(min=1e-6)
    return Volume(magnitude / scale, inner, moving.matrix, moving.smoothed)


class LinearCombination(WindowedSimilarity[FittedWindows]):
    """LC2 of an ultrasound (fixed) and an MR volume at one resolution; see :class:`WindowedSimilarity`.

    Args:
        gradient: |grad M| on the moving volume's grid; samples outside its mask carry no weight.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        gradient: Volume,
        centre: NDArray[np.float64],
        window: float,
        block: float = 0.0,
    ) -> None:
        features = torch.stack([moving.intensities, gradient.intensities])
        super().__init__(fixed, gradient, features, centre, window, block)
        self.window_weights *= self._fixed_deviation()
        self.total_weight = float(self.window_weights.sum()) or 1.0

    def _fixed_deviation(self) -> Tensor:
        """(b,): the standard deviation of the fixed intensities in each window."""
        terms = (self.weights, self.weights * self.fixed, self.weights * self.fixed**2)
        count, f, ff = self._spread(torch.stack([t.sum(-1) for t in terms])[None])[0]
        count = count.clamp(min=1)
        return (ff / count - (f / count) ** 2).clamp(min=0).sqrt()

    def _block_sums(self, samples: Tensor, blocks: slice) -> Tensor:
        """(B, 10, b): per block the sums of w, and of w times U, M, G, UU, MM, GG, UM, UG and MG."""
        u = self.fixed[blocks]
        w = self._joint_weights(samples[:, 2], blocks)
        m, g = (samples[:, feature].reshape(w.shape) for feature in (0, 1))
        wu, wm, wg = w * u, w * m, w * g
        return torch.stack([p.sum(-1) for p in (w, wu, wm, wg, wu * u, wm * m, wg * g, wm * u, wg * u, wm * g)], 1)

    def _compare(self, sums: Tensor) -> FittedWindows:
        count = sums[:, 0].clamp(min=1)
        u, m, g, uu, mm, gg, um, ug, mg = (sums[:, 1:] / count[:, None]).unbind(1)
        # Floors keep the fit of windows without structure defined, and their share of explained noise small.
        var_m, var_g = (mm - m * m).clamp(min=0) + VARIANCE_FLOOR, (gg - g * g).clamp(min=0) + VARIANCE_FLOOR
        cov_mg, cov_um, cov_ug = mg - m * g, um - u * m, ug - u * g
        determinant = (var_m * var_g - cov_mg**2).clamp(min=VARIANCE_FLOOR**2)
        a = (var_g * cov_um - cov_mg * cov_ug) / determinant
        b = (var_m * cov_ug - cov_mg * cov_um) / determinant
        inverse_fixed = 1 / ((uu - u * u).clamp(min=0) + VARIANCE_FLOOR)
        explained = (a * cov_um + b * cov_ug) * inverse_fixed
        weight = (sums[:, 0] > self.least_count).float() * self.window_weights / self.total_weight
        return FittedWindows(count, weight, a, b, u - a * m - b * g, inverse_fixed, explained)

    def _values(self, windows: FittedWindows) -> Tensor:
        return (windows.explained * windows.weight).sum(1)

    def _coefficients(self, windows: FittedWindows) -> Tensor:
        """(B, 7, b): sums over the windows that hold a block of k times a, b, aa, ab, bb, ac and bc."""
        s = windows
        k = 2 * s.weight * s.inverse_fixed / s.count
        ka, kb = k * s.intensity, k * s.gradient
        terms = (ka, kb, ka * s.intensity, ka * s.gradient, kb * s.gradient, ka * s.constant, kb * s.constant)
        return self._spread(torch.stack(terms, 1))

    def _by_feature(
        self, samples: Tensor, coefficients: Tensor, blocks: slice
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        a, b, aa, ab, bb, ac, bc = coefficients[..., None].unbind(1)  # (B, b, 1) each
        w = self._joint_weights(samples[:, 2], blocks)
        m, g = (samples[:, feature].reshape(w.shape) for feature in (0, 1))
        u = self.fixed[blocks]
        slopes = [w * (a * u - aa * m - ab * g - ac), w * (b * u - ab * m - bb * g - bc)]
        curvatures = [[w * aa, w * ab], [w * bb]]
        return [s.flatten(1) for s in slopes], [[c.flatten(1) for c in row] for row in curvatures]

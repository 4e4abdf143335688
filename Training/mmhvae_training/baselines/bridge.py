"""The Brownian bridge between two images (Li et al., "BBDM", CVPR 2023): from x_0, the target, to y, what is given.

x_t = (1 - m_t) x_0 + m_t y + sqrt(d_t) e with e ~ N(0, 1), m_t rising from 0.001 to 0.999 and d_t = 2 s (m_t - m_t^2).
Own writing, since none of MONAI's schedulers (DDPM, DDIM, PNDM, rectified flow) is a bridge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

ENDS = (0.001, 0.999)  # m at the first and last time: neither image is reached, so that no variance is 0


@dataclass(frozen=True)
class BrownianBridge:
    """``times`` steps with the largest variance ``variance`` / 2, halfway."""

    times: int = 1000
    variance: float = 1.0

    def m(self, t: Tensor) -> Tensor:
        """Share of y at times t, whole numbers from 0 to ``times`` - 1."""
        return ENDS[0] + (ENDS[1] - ENDS[0]) * t / (self.times - 1)

    def d(self, t: Tensor) -> Tensor:
        """Variance at times t."""
        m = self.m(t)
        return 2 * self.variance * (m - m.square())

    def at(self, t: Tensor, x0: Tensor, y: Tensor, noise: Tensor) -> Tensor:
        """x_t of images (B, C, H, W) at times t (B,), with standard normal ``noise`` (B, C, H, W)."""
        m, d = (value[:, None, None, None] for value in (self.m(t), self.d(t)))
        return (1 - m) * x0 + m * y + d.sqrt() * noise

    def schedule(self, evaluations: int) -> list[int]:
        """The times at which a synthesis asks the network: evenly down from the last one, then 1 and 0.

        18 evaluations take steps of 999 / 16, then 1 and 0, which is BBDM's ``linear`` schedule.
        """
        last, count = self.times - 1, evaluations - 2
        return [*(int(last - k * last / count) for k in range(count)), 1, 0]

    def step_variance(self, t: int, n: int) -> Tensor:
        """q: the part of x_n's variance that a step from time t down to n draws anew, a scalar of 0 or more."""
        (m_t, m_n), (d_t, d_n) = (of(torch.tensor([t, n], dtype=torch.float64)) for of in (self.m, self.d))
        return (d_t - d_n * ((1 - m_t) / (1 - m_n)).square()) * d_n / d_t

    def step(self, t: int, n: int, x: Tensor, x0: Tensor, y: Tensor, noise: Tensor) -> Tensor:
        """x_n of x_t = ``x``, by what ``x0`` is thought to be; ``noise`` is standard normal, (B, C, H, W)."""
        (m_t, m_n), (d_t, d_n) = (of(torch.tensor([t, n], dtype=torch.float64)) for of in (self.m, self.d))
        q = self.step_variance(t, n)
        kept = float(((d_n - q) / d_t).sqrt()) * (x - (1 - float(m_t)) * x0 - float(m_t) * y)
        return (1 - float(m_n)) * x0 + float(m_n) * y + kept + float(q.sqrt()) * noise

    def reverse(
        self,
        y: Tensor,
        clean: Callable[[Tensor, int], Tensor],
        evaluations: int,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """From y (B, C, H, W) back to x_0.

        Args:
            clean: what x_0 is thought to be, of x_t and t; called ``evaluations`` times.
            generator: source of the noise, on y's device.
        """
        x, steps = y, self.schedule(evaluations)
        for t, n in pairwise(steps):
            noise = torch.randn(y.shape, generator=generator, device=y.device, dtype=y.dtype)
            x = self.step(t, n, x, clean(x, t), y, noise)
        return clean(x, steps[-1])

"""Diagonal Gaussians, their product, and the divergence between two of them.

Everything here works element-wise on tensors of any (broadcastable) shape and in float32: with the
soft clamp at 10 a precision reaches exp(20), which half precision cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

#: How log-scales become weights. ``paper``: the product of Gaussian densities, equation (14).
#: ``release``: what the authors' weights were trained with, see :func:`product_of_experts`.
Fusion = Literal["paper", "release"]

_PRECISION_EXPONENT: dict[str, float] = {"paper": 2.0, "release": 1.0}


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, exp(log_scale)^2), independent in every element."""

    mean: Tensor
    log_scale: Tensor

    @classmethod
    def from_parameters(cls, parameters: Tensor, soft_clamp: float) -> DiagonalGaussian:
        """Halve ``parameters`` (B, 2C, ...) into mean and log-scale (B, C, ...), each clamped softly."""
        mean, log_scale = softly_clamped(parameters.float().contiguous(), soft_clamp).chunk(2, dim=1)
        return cls(mean, log_scale)

    @classmethod
    def standard(cls, like: Tensor) -> DiagonalGaussian:
        """N(0, I) with the shape, device and type of ``like``."""
        zeros = torch.zeros_like(like)
        return cls(zeros, zeros)

    def sample(self, temperature: float, noise: Tensor) -> Tensor:
        """``mean + temperature * scale * noise``; ``noise`` is standard normal and may broadcast over the batch."""
        return self.mean + temperature * self.log_scale.exp() * noise

    def kl(self, other: DiagonalGaussian) -> Tensor:
        """Closed-form KL[self || other], summed over all but the first axis: (B, ...) -> (B,), in nats."""
        log_ratio = self.log_scale - other.log_scale
        squared_distance = ((self.mean - other.mean) * torch.exp(-other.log_scale)).square()
        elementwise = 0.5 * (torch.exp(2 * log_ratio) + squared_distance - 1) - log_ratio
        return elementwise.flatten(1).sum(1)


def softly_clamped(x: Tensor, limit: float) -> Tensor:
    """Squash ``x`` smoothly into (-limit, limit), leaving small values nearly as they are."""
    # limit * tanh(x / limit), by way of the sigmoid, which torch computes several times as fast on a CPU.
    return torch.sigmoid(x * (2 / limit)) * (2 * limit) - limit


def product_of_experts(
    prior: DiagonalGaussian, experts: Sequence[DiagonalGaussian], fusion: Fusion = "paper"
) -> DiagonalGaussian:
    """Fuse the prior with the residual experts of the modalities present: equations (13) and (14).

    In paper mode the result is the normalised product of the densities: precisions ``exp(-2 log_scale)`` add
    up, and the mean is their precision-weighted average. (As printed, equation 14 multiplies the sum by the
    inverse of D where it must be D itself.) In release mode the weights of the average are
    ``exp(-log_scale)`` and the inverse of their sum serves as the *standard deviation*; no Gaussian product,
    but released weights were trained with it.

    Args:
        prior: p(z_l | z_>l), any shape.
        experts: h(z_l | x_j, z_>l), one for each modality present, all of the prior's shape.
        fusion: ``paper`` or ``release``.
    """
    exponent = _PRECISION_EXPONENT[fusion]
    mean, total = prior.mean, -exponent * prior.log_scale  # total: logarithm of the sum of the weights so far
    for expert in experts:
        log_ratio = -exponent * expert.log_scale - total
        mean = torch.lerp(mean, expert.mean, torch.sigmoid(log_ratio))
        total = total + F.softplus(log_ratio)
    return DiagonalGaussian(mean, -total / exponent)

"""A light 3-D network behind the 2-D one: it sees neighbouring slices, and corrects what was made of each by itself.

Two-dimensional synthesis followed by a light three-dimensional refinement did best on the public benchmark of MR from
intraoperative ultrasound (ioUS2MR). Here it is a residual network at half the resolution: it has no normalisation, so
that a voxel depends on no other farther away than :attr:`RefinementConfig.reach`, and a volume may be done in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 2  # voxels a side of a cell, in which the network works
#: Grey levels are about standardised by these: a contrast is a twentieth of the range, and unscaled the layers would
#: hardly tell voxels apart; 500 steps then learnt one tone for all voxels, and nothing else.
LEVEL, SPREAD = 0.2, 0.1
#: No correction is larger, so that a refinement can sharpen and smooth, and not make a lesion of nothing.
LARGEST = 0.1


@dataclass(frozen=True)
class RefinementConfig:
    """The architecture; by default 43,252 parameters for four modalities.

    Args:
        features: channels.
        dilations: of the first convolution of each residual block; as many blocks.

    Raises:
        ValueError: no feature, no block, or a dilation below 1.
    """

    features: int = 16
    dilations: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))
        if self.features < 1:
            raise ValueError("features should be at least 1.")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError("dilations should be one or more numbers of at least 1.")

    @property
    def reach(self) -> int:
        """Voxels on each side that a correction depends on, counted from the cells of ``STRIDE`` voxels; even."""
        return STRIDE * sum(dilation + 1 for dilation in self.dilations)


class ResidualBlock3d(nn.Module):
    """Two pre-activated 3x3x3 convolutions, the first of them dilated, residual."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(x))))


class Refinement(nn.Module):
    """Corrects synthetic volumes by what their neighbouring slices show; the identity before it is trained.

    Args:
        modalities: M of the bundle's network.
        config: the architecture.
    """

    def __init__(self, modalities: int, config: RefinementConfig) -> None:
        super().__init__()
        self.config = config
        width = config.features
        self.stem = nn.Conv3d(2 * modalities + 1, width, STRIDE, stride=STRIDE)
        self.blocks = nn.Sequential(*(ResidualBlock3d(width, dilation) for dilation in config.dilations))
        self.head = nn.ConvTranspose3d(width, modalities, STRIDE, stride=STRIDE)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # nearly twice as fast on a CPU

    def forward(self, volumes: Tensor, given: Tensor, mask: Tensor) -> Tensor:
        """The same volumes, those that were not given corrected inside the field of view.

        Args:
            volumes: (B, M, D, H, W) in [0, 1], 0 outside the field of view, slices along D: of each modality the
                input where it was given, else what the 2-D network made.
            given: (B, M), 1 where a modality was given, else 0.
            mask: (B, 1, D, H, W), non-zero inside the field of view.
        """
        inside = (mask != 0).to(volumes.dtype)
        known = given.to(volumes.dtype)[:, :, None, None, None]
        seen = (volumes - LEVEL) / SPREAD * inside
        x = _in_cells(torch.cat([seen, known * inside, inside], dim=1))  # (B, 2M + 1, D', H', W')
        x = self.blocks(self.stem(x.contiguous(memory_format=torch.channels_last_3d)))
        depth, height, width = volumes.shape[2:]
        correction = self.head(F.silu(x))[:, :, :depth, :height, :width]
        return volumes + (1 - known) * inside * LARGEST * torch.tanh(correction)


def _in_cells(x: Tensor) -> Tensor:
    """(B, C, D, H, W) with zeros behind, so that cells fill it."""
    depth, height, width = (-size % STRIDE for size in x.shape[2:])
    return F.pad(x, (0, width, 0, height, 0, depth))

"""A U-Net that outlines tumours from whichever MRs there are.

The U-Net is that of Cicek et al. (MICCAI 2016), with instance norm and strided convolutions as in nnU-Net (Isensee et
al., Nat Methods 2021). Three things are ours: it works on a grid of half the images' resolution, into which the first
convolution folds eight voxels and from which the last one unfolds them; every encoder level is told which contrasts are
there; and its outputs are nested, so that the enhancing tumour lies in the core and the core in the whole tumour.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REGIONS = ("whole tumour", "tumour core", "enhancing tumour")
"""What the output's channels say, from the outside in."""


@dataclass(frozen=True)
class UNetConfig:
    """The network's size: the contrasts it takes, in order, and the channels of each level, each half as fine."""

    modalities: tuple[str, ...] = ("t1", "cet1", "t2", "flair")
    channels: tuple[int, ...] = (32, 64, 128, 160)

    def __post_init__(self) -> None:
        if not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise ValueError(f"modalities should be different names, at least one, got {self.modalities}.")
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels should be two or more positive numbers, got {self.channels}.")

    @property
    def multiple(self) -> int:
        """Every side of the images is a multiple of this many voxels."""
        return 2 ** len(self.channels)


class Convolution(nn.Sequential):
    """3 x 3 x 3 convolution and instance norm."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.InstanceNorm3d(outputs, affine=True),
        )


class EncoderLevel(nn.Module):
    """Two convolutions; what is present scales and shifts the first's features (FiLM, Perez et al., AAAI 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int, modalities: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, outputs, stride)
        self.presence = nn.Linear(modalities, 2 * outputs)
        self.second = Convolution(outputs, outputs)
        nn.init.zeros_(self.presence.weight)
        nn.init.zeros_(self.presence.bias)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        scale, shift = self.presence(present)[..., None, None, None].chunk(2, dim=1)  # (B, C, 1, 1, 1) each
        x = F.leaky_relu(self.first(x) * (1 + scale) + shift, 0.01)
        return F.leaky_relu(self.second(x), 0.01)


class DecoderLevel(nn.Module):
    """Back to twice the resolution, beside the encoder's features of that level."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(inputs, outputs, 2, stride=2)
        self.first = Convolution(2 * outputs, outputs)
        self.second = Convolution(outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(torch.cat([self.up(x), skip], dim=1)), 0.01)
        return F.leaky_relu(self.second(x), 0.01)


class TumourUNet(nn.Module):
    """Logits of nested tumour regions from any subset of MR contrasts.

    Args:
        config: contrasts and channels; by default 4.0 million parameters, 7.7 MiB in half precision.

    Shapes:
        images: (B, M, D, H, W), normalised (`normalise`), zeros where a contrast is missing; sides divisible by
            ``config.multiple``. present: (B, M), 1 where the contrast is there, else 0.
        returns: (B, 3, D, H, W) conditional logits, see `log_probabilities`.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        channels, modalities = config.channels, len(config.modalities)
        self.fold = nn.Conv3d(modalities, channels[0], 2, stride=2)
        self.encoder = nn.ModuleList(
            EncoderLevel(inputs, outputs, 1 + (level > 0), modalities)
            for level, (inputs, outputs) in enumerate(zip((channels[0], *channels), channels, strict=False))
        )
        self.decoder = nn.ModuleList(
            DecoderLevel(inputs, outputs) for inputs, outputs in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.unfold = nn.ConvTranspose3d(channels[0], len(REGIONS), 2, stride=2)

    def forward(self, images: Tensor, present: Tensor) -> Tensor:
        if any(side % self.config.multiple for side in images.shape[2:]):
            raise ValueError(
                f"Every side should be divisible by {self.config.multiple}, got {tuple(images.shape[2:])}."
            )
        features, skips = self.fold(images), []
        for level in self.encoder:
            features = level(features, present)
            skips.append(features)
        for level, skip in zip(self.decoder, skips[-2::-1], strict=True):
            features = level(features, skip)
        return self.unfold(features)


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-probabilities of the regions: each one's is its own logit's, given the region around it, times that one's.

    So no threshold can put an inner region outside an outer one. (B, 3, ...) -> (B, 3, ...).
    """
    return F.logsigmoid(logits.float()).cumsum(dim=1)

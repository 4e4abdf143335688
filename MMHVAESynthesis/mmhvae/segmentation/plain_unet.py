"""The plain U-Net of nnU-Net v2 (Isensee et al., Nat Methods 2021), of any plan, for inference alone.

Convolution, instance norm and leaky rectifier, strided convolutions downwards, transposed ones upwards. Networks that
were trained by nnU-Net, or as MONAI's DynUNet, become one of these by their weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]
CLASSES = 2  # background and tumour


@dataclass(frozen=True)
class PlainUNetConfig:
    """The network's plan, level by level from the finest.

    Args:
        features: channels.
        kernels: sides of the convolutions' kernels, along (D, H, W); odd.
        strides: of each level's first convolution, and of the transposed one that comes back from it.
        encoder_convolutions: at each level; ``decoder_convolutions``: at each but the coarsest.
    """

    features: tuple[int, ...] = (16, 32, 64, 128)
    kernels: tuple[Triple, ...] = ((3, 3, 3),) * 4
    strides: tuple[Triple, ...] = ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    encoder_convolutions: tuple[int, ...] = (2, 2, 2, 2)
    decoder_convolutions: tuple[int, ...] = (2, 2, 2)

    def __post_init__(self) -> None:
        levels = len(self.features)
        lengths = (len(self.kernels), len(self.strides), len(self.encoder_convolutions))
        if levels < 2 or set(lengths) != {levels} or len(self.decoder_convolutions) != levels - 1:
            raise ValueError("the plan's lists should be of one length, two or more, and the decoder's one shorter.")
        if any(side % 2 == 0 for kernel in self.kernels for side in kernel):
            raise ValueError(f"kernels should be odd, got {self.kernels}.")

    @property
    def multiple(self) -> Triple:
        """Every side of an image (D, H, W) is a multiple of this many voxels."""
        sides = torch.tensor(self.strides).prod(dim=0).tolist()
        return sides[0], sides[1], sides[2]


class Convolution(nn.Sequential):
    """Convolution, instance norm, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, kernel, stride, _halves(kernel)),
            nn.InstanceNorm3d(outputs, affine=True),
            nn.LeakyReLU(0.01),
        )


def _halves(kernel: Triple) -> Triple:
    depth, height, width = kernel
    return (depth - 1) // 2, (height - 1) // 2, (width - 1) // 2


def _convolutions(inputs: int, outputs: int, kernel: Triple, stride: Triple, count: int) -> nn.Sequential:
    first = Convolution(inputs, outputs, kernel, stride)
    return nn.Sequential(first, *(Convolution(outputs, outputs, kernel, (1, 1, 1)) for _ in range(count - 1)))


class PlainUNet(nn.Module):
    """Logits of background and tumour.

    Shapes:
        image: (B, 1, D, H, W), normalised; sides divisible by ``config.multiple``.
        returns: (B, 2, D, H, W).
    """

    def __init__(self, config: PlainUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PlainUNetConfig()
        features, levels = config.features, range(len(config.features))
        self.encoder = nn.ModuleList(
            _convolutions(
                features[level - 1] if level else 1,
                features[level],
                config.kernels[level],
                config.strides[level],
                config.encoder_convolutions[level],
            )
            for level in levels
        )
        upwards = levels[-2::-1]
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(features[n + 1], features[n], config.strides[n + 1], config.strides[n + 1])
            for n in upwards
        )
        self.decoder = nn.ModuleList(
            _convolutions(2 * features[n], features[n], config.kernels[n], (1, 1, 1), count)
            for n, count in zip(upwards, config.decoder_convolutions, strict=True)
        )
        self.head = nn.Conv3d(features[0], CLASSES, 1)

    def forward(self, image: Tensor) -> Tensor:
        if any(side % multiple for side, multiple in zip(image.shape[2:], self.config.multiple, strict=True)):
            raise ValueError(f"Sides should be divisible by {self.config.multiple}, got {tuple(image.shape[2:])}.")
        x, skips = image, []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        for up, level, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = level(torch.cat([up(x), skip], dim=1))
        return self.head(x)

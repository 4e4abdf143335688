"""The building blocks of the network: encoder, decoder, expert and image-decoder cells.

Residual cells with squeeze-and-excitation after NVAE (Vahdat and Kautz, 2020), whose layers the MMHVAE paper
follows in section 4.2; image decoders after the ResNet generator of Johnson et al. (2016). The order of layers
is that of the authors' released weights. Every instance normalisation is affine-free and uses the statistics
of the image at hand, in training and in inference alike.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

EXPANSION = 6  # of the decoder cell, as in MobileNetV2
NORM_EPS = 1e-5  # added to the variance in every normalisation


def normalised(x: Tensor) -> Tensor:
    """Instance normalisation without affine parameters: (B, C, H, W), each channel of each image on its own."""
    return F.instance_norm(x, eps=NORM_EPS)


def activated(x: Tensor) -> Tensor:
    """SiLU after instance normalisation; in place where no gradient needs the value in between."""
    return F.silu(normalised(x), inplace=not torch.is_grad_enabled())


class SqueezeExcitation(nn.Module):
    """Rescale channels by a gate computed from their global means (Hu et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 16, 4)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.excite(F.relu(self.squeeze(x.mean((2, 3))))).sigmoid()  # (B, C)
        return x * gate[:, :, None, None]


class EncoderCell(nn.Module):
    """Two pre-activated 3x3 convolutions with squeeze-and-excitation, residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = SqueezeExcitation(channels)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(activated(x))
        residual = self.conv2(activated(residual))
        return x + self.gate(residual)


class DecoderCell(nn.Module):
    """Inverted bottleneck with a depthwise 5x5 convolution, residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.expand = nn.Conv2d(channels, wide, 3, padding=1)
        self.depthwise = nn.Conv2d(wide, wide, 5, padding=2, groups=wide)
        self.gate = SqueezeExcitation(wide)
        self.project = nn.Conv2d(wide, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        residual = activated(self.expand(normalised(x)))  # (B, 6C, H, W)
        residual = activated(self.depthwise(residual))
        return x + self.project(self.gate(residual))


class ExpertCell(nn.Module):
    """Parameters of one residual expert h(z_l | x_j, z_>l); its weights are shared by all modalities."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = SqueezeExcitation(channels)
        self.head = weight_norm(nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        x = torch.cat([features, skip], dim=1)  # (B, 2C, H, W)
        x = self.conv1(activated(x))
        x = self.conv2(activated(x))
        return self.head(self.gate(x))  # (B, C, H, W): C/2 means, C/2 log-scales


class ResidualBlock(nn.Module):
    """Two reflect-padded 3x3 convolutions, residual, with nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        return x + normalised(self.conv2(F.relu(normalised(self.conv1(x)))))


class ImageDecoder(nn.Module):
    """mu_theta_j(z_1): the mean image of one modality, in (-1, 1); equation (6).

    Args:
        latent_channels: F, the channels of z_1.
        features: width of the decoder.
        blocks: number of residual blocks.
    """

    def __init__(self, latent_channels: int, features: int, blocks: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(latent_channels, features, 1) if latent_channels != features else None
        self.blocks = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        self.smooth = nn.Conv2d(features, features, 7, padding=3, padding_mode="reflect")
        self.head = nn.Conv2d(features, 1, 7, padding=3, padding_mode="reflect")

    def forward(self, z1: Tensor) -> Tensor:
        x = self.blocks(z1 if self.project is None else self.project(z1))
        x = F.leaky_relu(normalised(self.smooth(x)), 0.2)
        return torch.tanh(self.head(x))  # (B, 1, H, W)

"""ResViT's generator: a residual network whose bottleneck looks at the whole image through a transformer, twice.

Provenance: Dalmaz, Yurt & Cukur, "ResViT: Residual Vision Transformers for Multimodal Medical Image Synthesis",
IEEE TMI 2022. The transformer is ViT-B (Dosovitskiy et al., 2021) from random weights: the original starts from
ImageNet-21k's.
"""

from __future__ import annotations

import torch
from mmhvae.exceptions import InputError
from monai.networks.blocks.transformerblock import TransformerBlock
from torch import Tensor, nn

from .configuration import ResViTConfig
from .mm_gan_network import start_small

DOWN = 16  # pixels of the image a token


class ResViTGenerator(nn.Module):
    """Encoder, ``blocks`` residual blocks at a quarter of the resolution, decoder.

    The original cuts the bottleneck into 16 x 16 patches, whose side is 0 pixels for images of 192: it cannot run
    there. Here a token is a pixel of the bottleneck, which is the original at 256 (256 tokens, 123.46 M parameters,
    120.9 GMACs with 4 modalities), and 144 tokens at 192 (123.29 M, 67.4 GMACs). The paper of MMHVAE gives 293 M:
    that counts the shared transformer three times.

    Args:
        modalities: channels in and out.
        config: sizes; ``side`` fixes the number of tokens.
    """

    def __init__(self, modalities: int, config: ResViTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.encoder = nn.Sequential(
            *_outer(modalities, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *_down(width, 2 * width),
            *_down(2 * width, 4 * width),
        )
        self.blocks = nn.ModuleList(ResidualBlock(4 * width) for _ in range(config.blocks))
        self.paths = nn.ModuleDict({str(number): TransformerPath(4 * width, config) for number in config.transformers})
        self.transformer = Transformer(config)
        self.decoder = nn.Sequential(
            *_up(4 * width, 2 * width), *_up(2 * width, width), *_outer(width, modalities, bias=True), nn.Tanh()
        )
        for part in (self.encoder, self.blocks, self.paths, self.decoder):
            part.apply(start_small)

    def forward(self, stack: Tensor, transformers: bool = True) -> Tensor:
        """(B, M, side, side) -> (B, M, side, side) in (-1, 1).

        Args:
            transformers: False leaves out the transformers' paths: the first stage of training.

        Raises:
            InputError: another size than ``side``.
        """
        side = self.config.side
        if stack.shape[-2:] != (side, side):
            raise InputError(f"Images for this ResViT should have {side} x {side} pixels, as its positions; pad them.")
        features = self.encoder(stack)
        for number, block in enumerate(self.blocks, start=1):
            if transformers and str(number) in self.paths:
                features = self.paths[str(number)](features, self.transformer)
            features = block(features)
        return self.decoder(features)


class TransformerPath(nn.Module):
    """One block's way to the shared transformer and back: (B, C, h, w) -> (B, C, h, w).

    Halved twice, embedded with positions of its own, transformed, brought back, concatenated with what came in, and
    compressed to C channels again.
    """

    def __init__(self, channels: int, config: ResViTConfig) -> None:
        super().__init__()
        tokens = (config.side // DOWN) ** 2
        self.down = nn.Sequential(*_down(channels, 2 * channels), *_down(2 * channels, 4 * channels))
        self.embedding = nn.Conv2d(4 * channels, config.hidden, 1)
        self.positions = nn.Parameter(torch.zeros(1, tokens, config.hidden))
        self.dropout = nn.Dropout(config.dropout)
        self.up = nn.Sequential(*_up(config.hidden, 2 * channels), *_up(2 * channels, channels))
        self.compression = Compression(2 * channels, channels)

    def forward(self, features: Tensor, transformer: nn.Module) -> Tensor:
        """``features`` (B, C, h, w), and the transformer (B, tokens, hidden) -> the same that all paths share."""
        embedded = self.embedding(self.down(features))
        tokens = self.dropout(embedded.flatten(2).transpose(1, 2) + self.positions)  # (B, tokens, hidden)
        seen = transformer(tokens).transpose(1, 2).reshape(embedded.shape)
        return self.compression(torch.cat([features, self.up(seen)], dim=1))


class Transformer(nn.Module):
    """Pre-norm transformer layers and a last normalisation; tokens (B, N, hidden) in and out."""

    def __init__(self, config: ResViTConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_layer(config) for _ in range(config.layers)))
        self.normalisation = nn.LayerNorm(config.hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.normalisation(self.layers(tokens))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions on reflected edges, and what came in added: (B, C, h, w) -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *_same(channels, channels), nn.ReLU(), *_same(channels, channels)
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        return features + self.change(features)


class Compression(nn.Module):
    """A residual block from ``before`` to ``after`` channels, its shortcut a 1 x 1 convolution."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.change(features) + self.shortcut(features))


def _layer(config: ResViTConfig) -> TransformerBlock:
    layer = TransformerBlock(config.hidden, 4 * config.hidden, config.heads, config.dropout, qkv_bias=True)
    layer.register_module("norm_cross_attn", nn.Identity())  # instead of weights that nothing uses
    return layer


def _outer(before: int, after: int, bias: bool = False) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(before, after, 7, bias=bias)]


def _same(before: int, after: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3, bias=False), nn.BatchNorm2d(after)]


def _down(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, 2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


def _up(before: int, after: int) -> list[nn.Module]:
    transposed = nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=1, bias=False)
    return [transposed, nn.BatchNorm2d(after), nn.ReLU()]

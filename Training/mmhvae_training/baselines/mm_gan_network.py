"""MM-GAN's generator and discriminator: pix2pix's U-Net and PatchGAN (Isola et al., 2017) for all modalities at once.

Provenance: Sharma & Hamarneh, "Missing MRI Pulse Sequence Synthesis Using Multi-Modal Generative Adversarial Network",
IEEE TMI 2020. Layers as in the authors' published configuration, with tanh, so that images in [-1, 1] keep
"missing" (0) apart from "background" (-1).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from mmhvae.exceptions import InputError
from torch import Tensor, nn

MOST = 8  # times the first level's width
DRY = 3  # levels from the top that have no dropout on the way down


class MMGANGenerator(nn.Module):
    """A U-Net of ``levels`` halvings down to, with all 8 levels at 256 pixels, a single one.

    Down: 4 x 4 convolutions of stride 2 without bias, instance normalisation but for the first and last, LeakyReLU
    0.2. Up: transposed ones, instance normalisation, ReLU, and the skip concatenated. Last: nearest upsampling,
    4 x 4 convolution, tanh. 54.407 M parameters and 6.50 GMACs at 256 pixels with 4 modalities.

    Args:
        modalities: channels in and out.
        levels, width, dropout: see :class:`..configuration.MMGANConfig`.
    """

    def __init__(self, modalities: int, levels: int = 8, width: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.levels = levels
        widths = [width * min(2**depth, MOST) for depth in range(levels)]  # fine to coarse
        self.down = nn.ModuleList(
            _down(before, after, normalised=0 < depth < levels - 1, dropout=dropout if depth >= DRY else 0)
            for depth, (before, after) in enumerate(pairwise([modalities, *widths]))
        )
        ups = []
        before = widths[-1]
        for depth in range(levels - 2, -1, -1):  # coarse to fine
            ups.append(_up(before, widths[depth], dropout if levels - 2 - depth <= DRY else 0))
            before = 2 * widths[depth]
        self.up = nn.ModuleList(ups)
        self.last = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.ZeroPad2d((1, 0, 1, 0)),
            nn.Conv2d(before, modalities, 4, padding=1),
            nn.Tanh(),
        )
        self.apply(start_small)

    def forward(self, stack: Tensor) -> Tensor:
        """(B, M, H, W) -> (B, M, H, W) in (-1, 1).

        Raises:
            InputError: a side that 2^levels does not divide.
        """
        if any(side % 2**self.levels for side in stack.shape[-2:]):
            raise InputError(
                f"Images of {stack.shape[-2]} x {stack.shape[-1]} pixels should have sides that are multiples of "
                f"{2**self.levels} for {self.levels} levels; pad them, or take fewer levels."
            )
        skips = []
        for down in self.down:
            stack = down(stack)
            skips.append(stack)
        features = skips.pop()
        for up in self.up:
            features = torch.cat([up(features), skips.pop()], dim=1)
        return self.last(features)


class MMGANDiscriminator(nn.Module):
    """Judges a stack beside the true one: a map of scores a modality, 12 x 12 at 192 pixels, 16 x 16 at 256.

    2.794 M parameters with 4 modalities. It sees the truth, so it exists in training alone.
    """

    def __init__(self, modalities: int, width: int = 64) -> None:
        super().__init__()
        widths = [2 * modalities, *(width * 2**depth for depth in range(4))]
        layers: list[nn.Module] = []
        for depth, (before, after) in enumerate(pairwise(widths)):
            layers.append(nn.Conv2d(before, after, 4, 2, padding=1))
            if depth > 0:
                layers.append(nn.InstanceNorm2d(after))
            layers.append(nn.LeakyReLU(0.2))
        last = nn.Conv2d(widths[-1], modalities, 4, padding=1, bias=False)
        self.layers = nn.Sequential(*layers, nn.ZeroPad2d((1, 0, 1, 0)), last)
        self.apply(start_small)

    def forward(self, candidate: Tensor, truth: Tensor) -> Tensor:
        """(B, M, H, W) twice -> scores (B, M, H / 16, W / 16)."""
        return self.layers(torch.cat([candidate, truth], dim=1))


def start_small(module: nn.Module) -> None:
    """pix2pix's initial weights: N(0, 0.02) in convolutions, N(1, 0.02) in learnt normalisations."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def _down(before: int, after: int, normalised: bool, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(before, after, 4, 2, padding=1, bias=False)]
    if normalised:
        layers.append(nn.InstanceNorm2d(after))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2), nn.Dropout(dropout))


def _up(before: int, after: int, dropout: float) -> nn.Sequential:
    transposed = nn.ConvTranspose2d(before, after, 4, 2, padding=1, bias=False)
    return nn.Sequential(transposed, nn.InstanceNorm2d(after), nn.ReLU(), nn.Dropout(dropout))

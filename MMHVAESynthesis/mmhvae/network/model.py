"""MMHVAE: a mixture of multimodal hierarchical variational auto-encoders (Dorent et al.).

Encode each observed modality once, fuse the modalities level by level from the coarsest latent to the finest
(equations 13 and 14), decode the modalities asked for (equation 6).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ..settings import SynthesisSettings
from .cells import DecoderCell, EncoderCell, ExpertCell, ImageDecoder
from .experts import DiagonalGaussian, Fusion, product_of_experts

BACKGROUND = -1.0  # the value of a pixel outside the field of view, in every modality


@dataclass(frozen=True)
class MMHVAEConfig:
    """The architecture. The defaults are the paper's network: seven levels, 13,774,770 parameters.

    Args:
        modalities: ids of the modalities; their order matters, see :meth:`MMHVAE.forward` on the mask.
        image_size: side of the square images in pixels. Fixed, since the coarsest level is fully connected.
        base_features: channels at full resolution; doubled at each pool up to ``max_features``.
        num_pools: resolutions below the full one; the number of latent levels L is one more.
        decoder_features, decoder_blocks: width and residual blocks of each image decoder.
        soft_clamp: bound on the means and log-scales of priors and experts.
        fusion: ``paper`` for the Gaussian product, ``release`` for weights that the authors released.

    Raises:
        ValueError: where the numbers don't fit together.
    """

    modalities: tuple[str, ...] = ("us", "t2", "cet1", "flair")
    image_size: int = 192
    base_features: int = 16
    max_features: int = 128
    num_pools: int = 6
    decoder_features: int = 8
    decoder_blocks: int = 6
    soft_clamp: float = 10.0
    fusion: Fusion = "paper"

    def __post_init__(self) -> None:
        object.__setattr__(self, "modalities", tuple(self.modalities))
        for name in ("image_size", "base_features", "max_features", "num_pools", "decoder_features"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1.")
        if self.decoder_blocks < 0:
            raise ValueError("decoder_blocks should not be negative.")
        if not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise ValueError("modalities should be one or more different ids.")
        if self.image_size % self.stride or self.image_size < 2 * self.stride:
            raise ValueError("image_size should be a multiple of 2**num_pools, and at least twice that.")
        if any(channels % 2 for channels in self.channels):
            raise ValueError("base_features and max_features should be even: each level halves its channels.")
        if self.image_size < 4:
            raise ValueError("image_size should be at least 4: the image decoders pad by reflection.")
        if not self.soft_clamp > 0:
            raise ValueError("soft_clamp should be positive.")
        if self.fusion not in ("paper", "release"):
            raise ValueError("fusion should be 'paper' or 'release'.")

    @property
    def stride(self) -> int:
        """Pixels of the image a side of one pixel at the coarsest resolution."""
        return int(2**self.num_pools)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the encoders at each resolution, fine to coarse, ``num_pools + 1`` of them."""
        return tuple(min(self.base_features * 2**depth, self.max_features) for depth in range(self.num_pools + 1))

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of z_L, ..., z_1 for one image, coarse to fine: (2 * max_features,), then (C, H, W)."""
        spatial = [
            (self.channels[depth] // 2, self.image_size >> depth, self.image_size >> depth)
            for depth in reversed(range(self.num_pools))
        ]
        return ((2 * self.max_features,), *spatial)


@dataclass(frozen=True)
class Encoding:
    """What one unimodal encoder made of one image; deterministic, so it can serve several fusions."""

    skips: tuple[Tensor, ...]  # fine to coarse, (B, C_d, H >> d, W >> d)
    bottom: Tensor  # (B, C, H >> pools, W >> pools)


@dataclass(frozen=True)
class MMHVAEOutput:
    """What the network returns.

    Attributes:
        images: for each target (B, 1, H, W) in [-1, 1], -1 outside the mask.
        z1: finest latent (B, F, H, W), 0 outside the mask.
        kl: KL divergence of posterior and prior summed over the levels, (B,) in nats; None unless asked for.
        kl_levels: the same a level, from z_L to z_1; None unless asked for.
    """

    images: dict[str, Tensor]
    z1: Tensor
    kl: Tensor | None = None
    kl_levels: tuple[Tensor, ...] | None = None


class UnimodalEncoder(nn.Module):
    """Bottom-up path of one modality: its skip at each resolution and its coarsest features."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels[0], 3, padding=1)
        self.cells = nn.ModuleList(EncoderCell(c) for c in channels)
        pairs = pairwise(channels)
        self.downs = nn.ModuleList(nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)

    def forward(self, image: Tensor) -> Encoding:
        x = self.stem(image)
        skips = []
        for cell, down in zip(self.cells, self.downs, strict=False):
            x = cell(x)
            skips.append(x)
            x = down(x)
        return Encoding(tuple(skips), self.cells[-1](x))


class CoarsestLevel(nn.Module):
    """z_L: a vector that describes the whole image; shared by all modalities, prior N(0, I)."""

    def __init__(self, config: MMHVAEConfig) -> None:
        super().__init__()
        self.side = config.image_size // config.stride
        cap = config.max_features
        self.to_expert = weight_norm(nn.Linear(config.channels[-1] * self.side**2, 4 * cap))
        self.to_features = weight_norm(nn.Linear(2 * cap, cap * self.side**2))

    def expert(self, bottom: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 4 * cap), halved by the caller into mean and log-scale of h_L(z_L | x_j)."""
        return self.to_expert(bottom.flatten(1))

    def features(self, latent: Tensor) -> Tensor:
        """(B, 2 * cap) -> (B, cap, h, w), the input of the next finer level."""
        return self.to_features(latent).unflatten(1, (-1, self.side, self.side))


class FinerLevel(nn.Module):
    """z_l for l < L: the top-down features that condition the prior and the experts, and both of these."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.merge = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.decode = DecoderCell(channels)
        self.prior = weight_norm(nn.Conv2d(channels, channels, 1, bias=False))
        self.expert = ExpertCell(channels)

    def features(self, above: Tensor) -> Tensor:
        """(B, C_above, h, w) -> (B, C, 2h, 2w): the next coarser latent, upsampled and decoded."""
        upsampled = F.interpolate(above, scale_factor=2, mode="bilinear", align_corners=False)
        return self.decode(self.merge(upsampled))

    def experts(self, features: Tensor, skips: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Expert parameters (B, C, H, W) of each modality present, in one pass since they share weights."""
        stacked = self.expert(torch.cat([features] * len(skips)), torch.cat(list(skips)))  # (M * B, C, H, W)
        return stacked.chunk(len(skips))


class MMHVAE(nn.Module):
    """Hierarchical variational auto-encoder that synthesises any modality from any non-empty subset.

    ``MMHVAE(MMHVAEConfig())`` is the network of Dorent et al., "Unified Cross-Modal Medical Image Synthesis with
    Hierarchical Mixture of Product-of-Experts", at its default size.

    Args:
        config: the architecture.
    """

    def __init__(self, config: MMHVAEConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.encoders = nn.ModuleDict({name: UnimodalEncoder(channels) for name in config.modalities})
        self.coarsest = CoarsestLevel(config)
        widths = list(reversed(channels[:-1]))  # coarse to fine
        inputs = [config.max_features, *(width // 2 for width in widths[:-1])]
        self.levels = nn.ModuleList(FinerLevel(above, width) for above, width in zip(inputs, widths, strict=True))
        decoder = (channels[0] // 2, config.decoder_features, config.decoder_blocks)
        self.decoders = nn.ModuleDict({name: ImageDecoder(*decoder) for name in config.modalities})

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        targets: Collection[str] | None = None,
        temperature: float = SynthesisSettings.temperature,
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
        noise: Sequence[Tensor] | None = None,
        compute_kl: bool = False,
    ) -> MMHVAEOutput:
        """Synthesise ``targets`` from the modalities in ``inputs``.

        Args:
            inputs: modality -> (B, 1, H, W) in [-1, 1], -1 outside the field of view; a non-empty subset.
            targets: modalities to decode; None decodes all, none at all is allowed (z_1 only).
            temperature: factor on the standard deviation of every latent; 0 is deterministic.
            mask: (B, 1, H, W), non-zero inside the field of view. By default, as in the release, the pixels above
                -1 of the first modality present in the configuration's order.
            generator: source of the noise, on the inputs' device.
            noise: standard normal noise a level, coarse to fine, shaped (B or 1, *latent_shapes[level]); instead
                of ``generator`` where the caller wants several images to share it.
            compute_kl: also return the divergence between posterior and prior.

        Raises:
            ValueError: no input, an unknown modality, a wrong shape, a negative temperature.
        """
        self._check(inputs, targets, temperature)
        present = [name for name in self.config.modalities if name in inputs]
        if mask is None:
            mask = inputs[present[0]] > BACKGROUND
        z1, kl_levels = self.fuse(self.encode(inputs), temperature, generator, noise, compute_kl)
        images = self.decode(z1, self.config.modalities if targets is None else targets)
        inside = mask.bool()
        return MMHVAEOutput(
            images={name: torch.where(inside, image, BACKGROUND) for name, image in images.items()},
            z1=z1 * inside,
            kl=torch.stack(kl_levels).sum(0) if kl_levels else None,
            kl_levels=kl_levels,
        )

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Encoding]:
        """Run the encoder of each modality present, once; in the configuration's order."""
        return {name: self.encoders[name](inputs[name]) for name in self.config.modalities if name in inputs}

    def fuse(
        self,
        encodings: Mapping[str, Encoding],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        noise: Sequence[Tensor] | None = None,
        compute_kl: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Sample z_L, ..., z_1 from q(z | x) of the modalities in ``encodings`` (equation 13).

        Returns:
            The *unmasked* z_1 (B, F, H, W), and the KL of each level (B,), coarse to fine, or None.
        """
        config, modalities = self.config, list(encodings.values())
        kl_levels: list[Tensor] = []

        def latent(level: int, prior: DiagonalGaussian, parameters: Sequence[Tensor]) -> Tensor:
            experts = [DiagonalGaussian.from_parameters(p, config.soft_clamp) for p in parameters]
            posterior = product_of_experts(prior, experts, config.fusion)
            if compute_kl:
                kl_levels.append(posterior.kl(prior))
            return _sampled(posterior, temperature, generator, noise[level] if noise is not None else None)

        parameters = self.coarsest.expert(torch.cat([e.bottom for e in modalities])).chunk(len(modalities))
        prior = DiagonalGaussian.standard(parameters[0].float().chunk(2, dim=1)[0])
        above = self.coarsest.features(latent(0, prior, parameters))
        for depth, module in enumerate(self.levels, start=1):
            level = cast(FinerLevel, module)
            features = level.features(above)
            prior = DiagonalGaussian.from_parameters(level.prior(features), config.soft_clamp)
            above = latent(depth, prior, level.experts(features, [e.skips[-depth] for e in modalities]))
        return above, tuple(kl_levels) if compute_kl else None

    def decode(self, z1: Tensor, targets: Collection[str]) -> dict[str, Tensor]:
        """Images (B, 1, H, W) in (-1, 1) of the targets from z_1 (B, F, H, W); equation (6)."""
        return {name: self.decoders[name](z1) for name in self.config.modalities if name in targets}

    @torch.no_grad()
    def sample(
        self,
        count: int,
        targets: Collection[str] | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> MMHVAEOutput:
        """Draw ``count`` complete cases from the prior p(z) (equation 5); nothing is masked."""
        reference = next(self.parameters())
        prior = DiagonalGaussian.standard(reference.new_zeros(count, *self.config.latent_shapes[0]))
        above = self.coarsest.features(_sampled(prior, temperature, generator, None))
        for module in self.levels:
            level = cast(FinerLevel, module)
            prior = DiagonalGaussian.from_parameters(level.prior(level.features(above)), self.config.soft_clamp)
            above = _sampled(prior, temperature, generator, None)
        return MMHVAEOutput(self.decode(above, self.config.modalities if targets is None else targets), above)

    def _check(self, inputs: Mapping[str, Tensor], targets: Collection[str] | None, temperature: float) -> None:
        if not inputs:
            raise ValueError("inputs should hold at least one modality.")
        for name in [*inputs, *(targets or [])]:
            if name not in self.config.modalities:
                raise ValueError(f"{name!r} should be one of {', '.join(self.config.modalities)}.")
        size, shapes = self.config.image_size, {tuple(x.shape) for x in inputs.values()}
        if len(shapes) != 1 or next(iter(shapes))[1:] != (1, size, size):
            raise ValueError(f"inputs should all be shaped (B, 1, {size}, {size}); got {sorted(shapes)}.")
        if not temperature >= 0:
            raise ValueError("temperature should be 0 or more.")


def _sampled(
    distribution: DiagonalGaussian, temperature: float, generator: torch.Generator | None, noise: Tensor | None
) -> Tensor:
    if temperature == 0:
        return distribution.mean
    if noise is None:
        mean = distribution.mean
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return distribution.sample(temperature, noise)

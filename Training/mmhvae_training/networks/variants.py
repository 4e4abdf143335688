"""Networks of the ablation study (Table 2): fewer latent groups, and other ways to fuse the modalities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

import torch
from mmhvae.exceptions import InputError
from mmhvae.network import (
    MMHVAE,
    DiagonalGaussian,
    Encoding,
    FinerLevel,
    MMHVAEConfig,
    UnimodalEncoder,
    product_of_experts,
)
from torch import Tensor, nn

from ..configuration import VariantConfig
from .shared_experts import SharedExpertMMHVAE

Noise = Sequence[Tensor]
#: Draws the latent variable of a level from its posterior.
Sample = Callable[[DiagonalGaussian], Tensor]


def build_network(architecture: MMHVAEConfig, variant: VariantConfig) -> MMHVAE:
    """The core's network or one of its ablations.

    Raises:
        InputError: groups that the architecture doesn't have, or without the coarsest.
    """
    if variant.plain:
        return MMHVAE(architecture)
    coarsest = architecture.num_pools + 1
    groups = set(variant.groups or range(1, coarsest + 1))
    if coarsest not in groups or not groups <= set(range(1, coarsest + 1)):
        raise InputError(f"variant.groups should be among 1 to {coarsest}, and hold {coarsest}, the coarsest level.")
    kind = {"product": GroupedMMHVAE, "average": AverageMMHVAE, "zeros": ZeroFilledMMHVAE}[variant.fusion]
    return kind(architecture, groups)


class GroupedMMHVAE(SharedExpertMMHVAE):
    """MMHVAE whose latent variables are some of z_1, ..., z_L only.

    Where a level is no latent group, its features go on as the mean of the prior: deterministic, without experts.
    With z_L alone it is MoPoE (Sutter et al., 2021) on this architecture, as the paper compares it.

    Args:
        config: the architecture.
        groups: numbers of the latent groups, 1 the finest, L the coarsest.
    """

    def __init__(self, config: MMHVAEConfig, groups: Collection[int]) -> None:
        super().__init__(config)
        self.groups = frozenset(groups)
        for depth, level in enumerate(self.levels, start=1):
            if not self._is_latent(depth):
                del cast(FinerLevel, level).expert

    def _is_latent(self, depth: int) -> bool:
        return len(self.levels) + 1 - depth in self.groups

    def fuse(
        self,
        encodings: Mapping[str, Encoding],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
        compute_kl: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """As :meth:`MMHVAE.fuse`; the divergences are those of the latent groups."""
        modalities, kl_levels = self._fused(encodings), []

        def sample(level: int) -> Sample:
            def draw(posterior: DiagonalGaussian) -> Tensor:
                mean = posterior.mean
                drawn = noise[level] if noise else torch.randn(mean.shape, generator=generator, device=mean.device)
                return posterior.sample(temperature, drawn)

            return draw

        bottoms = torch.cat([encoding.bottom for encoding in modalities])
        experts = self.coarsest.expert(bottoms).chunk(len(modalities))
        prior = DiagonalGaussian.standard(experts[0].float().chunk(2, dim=1)[0])
        z, kl = self._latent(prior, experts, sample(0))
        kl_levels.append(kl)
        above = self.coarsest.features(z)
        for depth, module in enumerate(self.levels, start=1):
            level = cast(FinerLevel, module)
            features = level.features(above)
            prior = DiagonalGaussian.from_parameters(level.prior(features), self.config.soft_clamp)
            above = prior.mean
            if self._is_latent(depth):
                experts = level.experts(features, [encoding.skips[-depth] for encoding in modalities])
                above, kl = self._latent(prior, experts, sample(depth))
                kl_levels.append(kl)
        return above, tuple(kl_levels) if compute_kl else None

    def _fused(self, encodings: Mapping[str, Encoding]) -> list[Encoding]:
        """What is fused: an encoding a modality."""
        return list(encodings.values())

    def _latent(self, prior: DiagonalGaussian, parameters: Sequence[Tensor], sample: Sample) -> tuple[Tensor, Tensor]:
        """z_l and its divergence (B,) from the prior and the experts' parameters (B, 2C, ...) of each modality."""
        experts = [DiagonalGaussian.from_parameters(p, self.config.soft_clamp) for p in parameters]
        posterior = product_of_experts(prior, experts, self.config.fusion)
        return sample(posterior), posterior.kl(prior)


class AverageMMHVAE(GroupedMMHVAE):
    """Deterministic: each level passes on the mean over the modalities of what would be the experts' means.

    Nothing is sampled, and there is no divergence.
    """

    def _latent(self, prior: DiagonalGaussian, parameters: Sequence[Tensor], sample: Sample) -> tuple[Tensor, Tensor]:
        means = [DiagonalGaussian.from_parameters(p, self.config.soft_clamp).mean for p in parameters]
        return torch.stack(means).mean(0), prior.mean.new_zeros(len(prior.mean))


class ZeroFilledMMHVAE(GroupedMMHVAE):
    """One encoder, and one expert a level, of all modalities concatenated; a missing one is an image of zeros.

    What is encoded depends on the whole subset, so :meth:`encode` only keeps the images, and the passes of a step
    share nothing.
    """

    def __init__(self, config: MMHVAEConfig, groups: Collection[int]) -> None:
        super().__init__(config, groups)
        encoder = UnimodalEncoder(config.channels)
        encoder.stem = nn.Conv2d(len(config.modalities), config.channels[0], 3, padding=1)
        self.encoders = nn.ModuleDict({"all": encoder})

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Encoding]:
        """Modality -> its image (B, 1, H, W) in the place of an encoding."""
        return {name: Encoding((), inputs[name]) for name in self.config.modalities if name in inputs}

    def _fused(self, encodings: Mapping[str, Encoding]) -> list[Encoding]:
        """One encoding, of all the images that :meth:`encode` kept."""
        images = {name: encoding.bottom for name, encoding in encodings.items()}
        zeros = torch.zeros_like(next(iter(images.values())))
        stacked = torch.cat([images.get(name, zeros) for name in self.config.modalities], dim=1)  # (B, M, H, W)
        return [self.prepared(self.encoders["all"](stacked))]

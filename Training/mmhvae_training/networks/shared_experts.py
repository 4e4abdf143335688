"""The same network with less work a step: what an expert makes of a skip serves every pass, and of the features all.

An expert cell convolves [f, skip_j] after an instance normalisation and SiLU that treat every channel by itself. So
its first convolution is a sum: of f's half, which all modalities of a pass share, and of skip_j's half, which all T
passes of a step share. Parameters, their names and the result are those of :class:`mmhvae.network.MMHVAE`, but
for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from mmhvae.network import MMHVAE, Encoding, FinerLevel, MMHVAEConfig, activated
from torch import Tensor


class SharedExpertLevel(FinerLevel):
    """A finer level whose skips went through their half of the expert's first convolution already."""

    def prepared_skip(self, skip: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W): skip_j's half, without bias."""
        half = self.expert.conv1.weight[:, skip.shape[1] :]
        return F.conv2d(activated(skip), half, padding=1)

    def experts(self, features: Tensor, skips: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Expert parameters (B, C, H, W) of each modality present, from prepared skips."""
        first, cell = self.expert.conv1, self.expert
        shared = F.conv2d(activated(features), first.weight[:, : features.shape[1]], first.bias, padding=1)
        x = torch.cat([shared + skip for skip in skips])  # (M * B, C, H, W)
        x = cell.conv2(activated(x))
        return cell.head(cell.gate(x)).chunk(len(skips))


class SharedExpertMMHVAE(MMHVAE):
    """MMHVAE as training runs it; its encodings hold prepared skips.

    Args:
        config: the architecture.
    """

    def __init__(self, config: MMHVAEConfig) -> None:
        super().__init__(config)
        for level in self.levels:
            level.__class__ = SharedExpertLevel

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Encoding]:
        """As :meth:`MMHVAE.encode`, with the experts' share of the work that depends on one modality alone."""
        return {name: self.prepared(encoding) for name, encoding in super().encode(inputs).items()}

    def prepared(self, encoding: Encoding) -> Encoding:
        """Prepare the skip of every level that has an expert."""
        finest_first = cast(Sequence[SharedExpertLevel], list(reversed(list(self.levels))))
        skips = [
            level.prepared_skip(skip) if hasattr(level, "expert") else skip
            for level, skip in zip(finest_first, encoding.skips, strict=True)
        ]
        return Encoding(tuple(skips), encoding.bottom)

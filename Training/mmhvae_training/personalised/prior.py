"""The population's prior O, what one individual's features take from it, and their fusion into X' (section 3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

ATTENTION_HEADS = (3, 2, 1)


class PopulationPrior(nn.Module):
    """z -> X': attention of z over O, then a convolution over both.

    O is one parameter that all individuals share. In the attention **tokens are channels and the embedding is the
    bottleneck's voxels**, as in the authors' code; the paper gives no shapes. No dropout, no residual, no norm.

    Args:
        channels: 16 f of the bottleneck.
        bottleneck: its sides, g each.
        fuse: ``paper``, one 3 x 3 x 3 convolution of [z, z']; ``released``, two convolutions of z' first, then one of
            [z, z', z].

    Shapes:
        z, X': (B, 16 f, g, g, g).
    """

    def __init__(
        self, channels: int, bottleneck: tuple[int, int, int], fuse: Literal["paper", "released"] = "paper"
    ) -> None:
        super().__init__()
        self.prior = nn.Parameter(torch.randn(1, channels, *bottleneck))
        tokens = self.prior[0, 0].numel()
        heads = next(count for count in ATTENTION_HEADS if tokens % count == 0)
        self.attention = nn.MultiheadAttention(tokens, heads, batch_first=True)
        self.released = fuse == "released"
        self.refine = nn.Sequential(*(_convolution(channels, channels) for _ in range(2 * self.released)))
        self.fuse = _convolution((2 + self.released) * channels, channels)

    def forward(self, z: Tensor) -> Tensor:
        prior = self.prior.flatten(2).expand(len(z), -1, -1)  # (B, 16 f, n)
        attended, _ = self.attention(z.flatten(2), prior, prior, need_weights=False)
        attended = self.refine(attended.view_as(z))
        return self.fuse(torch.cat([z, attended, z] if self.released else [z, attended], dim=1))


def _convolution(inputs: int, outputs: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, padding=1)

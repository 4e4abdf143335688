"""What a baseline is: typed settings, a group a method, each at its paper's size by default.

No paper says how the baselines of MMHVAE's comparison were trained; rates and weights are each method's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..configuration import require


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """What every method has: rate and moments of Adam, for the network and its adversary."""

    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)


@dataclass(frozen=True)
class MMGANConfig(BaselineConfig):
    """MM-GAN (Sharma & Hamarneh, IEEE TMI 2020).

    Args:
        levels: halvings of the image. The original's 8 need sides that 256 divides: smaller images are padded with
            background and cut back. 6 levels take 192 pixels as they are, 5 take 96.
        width: channels of the first level, doubled up to 8 times as many.
        dropout: probability, in the deep half of the U.
        pixel_weight: of the L1 loss; the adversarial term gets the rest to 1.
        learning_rate: of Adam, constant, for generator and discriminator.
    """

    levels: int = 8
    width: int = 64
    dropout: float = 0.2
    pixel_weight: float = 0.9

    def __post_init__(self) -> None:
        require(self.levels >= 2, "levels of MM-GAN should be at least 2.")
        require(0 <= self.pixel_weight <= 1, "pixel_weight of MM-GAN should be between 0 and 1.")


@dataclass(frozen=True)
class ResViTConfig(BaselineConfig):
    """ResViT (Dalmaz et al., IEEE TMI 2022) with the trunk ViT-B/16, from random weights.

    Args:
        side: of the square images that its position embeddings fit, in pixels, a multiple of 16; smaller images are
            padded with background and cut back. The original's 16 x 16 tokens are those of 256; 192 gives 12 x 12.
        width: channels of the first convolution; the residual blocks have 4 times as many.
        blocks: residual blocks; those that ``transformers`` names, counted from 1, get a transformer path.
        hidden, layers, heads: of the transformer, which all paths share; its MLP is 4 times as wide.
        pixel_weight: of the L1 loss; the adversarial term weighs 1.
        learning_rate: of stage 1, convolutions alone; two thirds of the run.
        fine_tuning_rate: of stage 2, everything. In each stage it falls linearly to 0 from the middle on.
    """

    side: int = 256
    width: int = 64
    blocks: int = 9
    transformers: tuple[int, ...] = (1, 6)
    hidden: int = 768
    layers: int = 12
    heads: int = 12
    dropout: float = 0.1
    discriminator_width: int = 64
    pixel_weight: float = 100.0
    fine_tuning_rate: float = 1e-3

    def __post_init__(self) -> None:
        require(self.side % 16 == 0 and self.side > 0, "side of ResViT should be a multiple of 16.")
        require(self.hidden % self.heads == 0, "hidden of ResViT should be divisible by heads.")
        known = set(range(1, self.blocks + 1))
        require(set(self.transformers) <= known, f"transformers of ResViT should be among its {self.blocks} blocks.")


@dataclass(frozen=True)
class M2DNConfig(BaselineConfig):
    """A denoiser of all modalities at once after M2DN (Meng et al., IEEE TMI 2024), on a Brownian bridge.

    Args:
        channels: of the U-Net's levels, each a multiple of ``groups``; images are halved between them.
        groups: of the group normalisation.
        head: channels of an attention head, at the coarsest level.
        times: steps T of the bridge.
        evaluations: of the network in a synthesis.
        variance: s, the bridge's largest variance times 2.
        objective: what the network gives: ``clean`` images, as M2DN's, or ``difference`` x_t - x_0, as BBDM's.
        learning_rate: of Adam, constant.
    """

    channels: tuple[int, ...] = (32, 64, 128, 128)
    groups: int = 16
    head: int = 32
    times: int = 1000
    evaluations: int = 18
    variance: float = 1.0
    objective: Literal["clean", "difference"] = "clean"
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        require(all(c % self.groups == 0 for c in self.channels), "channels of M2DN should be multiples of groups.")
        require(self.channels[-1] % self.head == 0, "The last of channels of M2DN should be a multiple of head.")
        require(3 <= self.evaluations <= self.times // 2, "evaluations of M2DN should be from 3 to half its times.")
        require(self.variance > 0, "variance of M2DN should be positive.")

"""A small network for tumours in ultrasound as a method of the training loop: what two cores can train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from monai.losses.dice import DiceCELoss
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor

from ..loop import Method, RunState, adamw_state
from .examples import Example, draw_patch
from .small_configuration import SmallConfiguration, SmallUNetConfig

PATCH_SEED, ORDER_SEED = 2, 3
DARKEST, BRIGHTEST = -2.0, 4.0


def small_network(config: SmallUNetConfig) -> DynUNet:
    """Logits of background and tumour, (B, 2, D, H, W), of ultrasound (B, 1, D, H, W).

    Instance norm, leaky rectifiers and strided convolutions as in nnU-Net's plain network; no deep supervision.
    """
    levels = len(config.channels)
    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=2,
        kernel_size=[3] * levels,
        strides=[1] + [2] * (levels - 1),
        upsample_kernel_size=[2] * (levels - 1),
        filters=list(config.channels),
    )


def new_small_state(configuration: SmallConfiguration, fabric: Fabric) -> RunState:
    """A freshly initialised network and its optimiser."""
    optimisation, seed = configuration.optimisation, configuration.seed
    return adamw_state(lambda: small_network(configuration.architecture), optimisation, fabric, seed)


@dataclass(frozen=True)
class SmallMethod(Method[SmallConfiguration, RunState]):
    """A run of the small network. A patch is a pure function of its number."""

    examples: Sequence[Example]

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.configuration.optimisation.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step on ``batch_size`` patches, each device on its share; Dice and cross-entropy as in nnU-Net."""
        state, config = self.state, self.configuration.optimisation
        self.set_rate(config.rate(state.step))
        images, tumours = self.patches(self.own_numbers(fabric))
        with fabric.autocast():
            logits = state.network(images.to(fabric.device))
        both = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)
        loss = both(logits.float(), tumours.to(fabric.device))
        return self.update(fabric, loss, {"dice and cross-entropy": loss}) | {"learning_rate": config.rate(state.step)}

    def patches(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The run's patches of those numbers, (B, 1, D, H, W) each; every case once before any comes again."""
        seed, drawn = self.configuration.seed, []
        for number in numbers:
            turn, place = divmod(number, len(self.examples))
            order = np.random.default_rng((seed, ORDER_SEED, turn)).permutation(len(self.examples))
            rng = np.random.default_rng((seed, PATCH_SEED, number))
            drawn.append(draw_patch(self.examples[int(order[place])], self.configuration.data, rng))
        images, tumours = (torch.from_numpy(np.stack(arrays))[:, None] for arrays in zip(*drawn, strict=True))
        return images, tumours.float()

    def synthesise(self, fabric: Fabric) -> Tensor:
        """The middle slice of patch 0: ultrasound, tumour, and what the averaged network outlines; (1, H, 3 W)."""
        image, tumour = self.patches([0])
        self.state.average.eval()
        with torch.no_grad(), fabric.autocast():
            found = self.state.average(image.to(fabric.device)).float().softmax(dim=1)[:, 1:].cpu()
        grey = ((image - DARKEST) / (BRIGHTEST - DARKEST)).clamp(0, 1)
        middle = image.shape[2] // 2
        return torch.cat([each[0, 0, middle] for each in (grey, tumour, found)], dim=1)[None]

"""The brain extractor as a method of the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from mmhvae.segmentation import PlainUNet
from monai.losses.dice import DiceCELoss
from torch import Tensor

from ..loop import Method, RunState, adamw_state
from ..segmentation import Patient
from .brain_configuration import BrainConfiguration
from .heads import Head, draw_head, draw_shape

HEAD_SEED, ORDER_SEED, SHAPE_SEED = 2_000_003, 11, 3_000_017


def new_extractor(configuration: BrainConfiguration, fabric: Fabric) -> RunState:
    """A freshly initialised network and its optimiser."""
    optimisation, seed = configuration.optimisation, configuration.seed
    return adamw_state(lambda: PlainUNet(configuration.architecture), optimisation, fabric, seed)


@dataclass(frozen=True)
class BrainMethod(Method[BrainConfiguration, RunState]):
    """A run of the brain extractor. A head is a pure function of its number, a grid's shape of its step's."""

    patients: Sequence[Patient]

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.configuration.optimisation.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step on ``batch_size`` heads, each device on its share; Dice and cross-entropy as in nnU-Net."""
        state, config = self.state, self.configuration.optimisation
        self.set_rate(config.rate(state.step))
        heads = [self.head(number) for number in self.own_numbers(fabric)]
        images, brains = (torch.stack([getattr(head, name) for head in heads])[:, None] for name in ("image", "brain"))
        with fabric.autocast():
            logits = state.network(images.to(fabric.device))
        both = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False)
        loss = both(logits.float(), brains.to(fabric.device))
        return self.update(fabric, loss, {"dice and cross-entropy": loss}) | {"learning_rate": config.rate(state.step)}

    def head(self, number: int) -> Head:
        """The run's head of that number; every patient once before any comes again, all of a step on one shape."""
        seed, data = self.configuration.seed, self.configuration.data
        turn, place = divmod(number, len(self.patients))
        order = torch.randperm(len(self.patients), generator=_generator(ORDER_SEED + seed + turn))
        multiple = max(self.configuration.architecture.multiple)
        shape = draw_shape(data, multiple, _generator(SHAPE_SEED + seed + number // data.batch_size))
        return draw_head(self.patients[int(order[place])], data, shape, _generator(HEAD_SEED + seed + number))

    def synthesise(self, fabric: Fabric) -> Tensor:
        """The middle slice of head 0: image, brain, and what the averaged network finds; (1, H, 3 W)."""
        head = self.head(0)
        with torch.no_grad(), fabric.autocast():
            found = self.state.average(head.image[None, None].to(fabric.device)).float().softmax(dim=1)[0, 1].cpu()
        grey = ((head.image + 2) / 6).clamp(0, 1)
        middle = head.image.shape[0] // 2
        return torch.cat([each[middle] for each in (grey, head.brain, found)], dim=1)[None]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)

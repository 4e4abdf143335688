"""The tumour segmenter as a method of the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from mmhvae.segmentation import TumourUNet
from torch import Tensor

from ..loop import SPEED, Method, RunState, fresh_state
from .configuration import SegmenterConfiguration
from .losses import segmentation_losses
from .patients import Patient
from .scene import draw_scene
from .view import View, draw_view

VIEW_SEED, ORDER_SEED = 1_000_003, 0


def new_segmenter(configuration: SegmenterConfiguration, fabric: Fabric) -> RunState:
    """A freshly initialised network and its optimiser."""
    torch.manual_seed(configuration.seed)
    network, config = TumourUNet(configuration.architecture).to(fabric.device), configuration.optimisation
    last = list(network.unfold.parameters())
    others = [parameter for parameter in network.parameters() if all(parameter is not known for known in last)]
    groups = [{"params": others, SPEED: 1.0}, {"params": last, SPEED: config.last_layer}]
    adam = torch.optim.AdamW(groups, config.learning_rate, betas=(0.9, 0.99), weight_decay=config.weight_decay)
    return fresh_state(network, adam, fabric, configuration.seed)


@dataclass(frozen=True)
class SegmenterMethod(Method[SegmenterConfiguration, RunState]):
    """A run of the segmenter. A view is a pure function of its number."""

    patients: Sequence[Patient]

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.configuration.optimisation.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step on ``batch_size`` views, each device on its share."""
        state, config = self.state, self.configuration.optimisation
        self.set_rate(config.rate(state.step))
        views = [self.view(number) for number in self.own_numbers(fabric)]
        losses = self._losses_of(views, fabric)
        numbers = self.update(fabric, torch.stack(list(losses.values())).sum(), losses)
        return numbers | {"learning_rate": config.rate(state.step)}

    def view(self, number: int) -> View:
        """The run's view of that number, counted from 0; every patient once before any comes again."""
        seed, data = self.configuration.seed, self.configuration.data
        turn, place = divmod(number, len(self.patients))
        order = torch.randperm(len(self.patients), generator=torch.Generator().manual_seed(ORDER_SEED + seed + turn))
        generator = torch.Generator().manual_seed(VIEW_SEED + seed + number)
        scene = draw_scene(self.patients[int(order[place])], data.crop, generator, data.heads)
        return draw_view(scene, data.crop, generator, data.alone)

    def _losses_of(self, views: Sequence[View], fabric: Fabric) -> dict[str, Tensor]:
        images, present, regions = (
            torch.cat([getattr(view, name) for view in views]).to(fabric.device)
            for name in ("images", "present", "regions")
        )
        with fabric.autocast():
            logits = self.state.network(images, present)
        return segmentation_losses(logits, regions)

    def synthesise(self, fabric: Fabric) -> Tensor:
        """The middle slice of view 0: its contrasts, the truth and the averaged network's regions; (1, H, 6 W)."""
        view = self.view(0)
        with torch.no_grad(), fabric.autocast():
            logits = self.state.average(view.images.to(fabric.device), view.present.to(fabric.device))
        found = (logits.float().sigmoid().cumprod(dim=1) > 0.5).sum(dim=1).cpu() / 3
        middle = view.images.shape[2] // 2
        tiles = [*((view.images[0, :, middle] + 2) / 6).clamp(0, 1), view.regions[0, :, middle].sum(0) / 3]
        return torch.cat([*tiles, found[0, middle]], dim=1)[None]

"""The refinement as a method of the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from mmhvae.network import Refinement
from torch import Tensor

from ..loop import Method, RunState, adamw_state
from .configuration import RefinementRun
from .losses import image_norm, refinement_losses
from .syntheses import Patches, draw_patches


def new_refinement(configuration: RefinementRun, modalities: int, fabric: Fabric) -> RunState:
    """A refinement that changes nothing yet, and its optimiser."""
    make = lambda: Refinement(modalities, configuration.architecture)  # noqa: E731
    return adamw_state(make, configuration.optimisation, fabric, configuration.seed)


@dataclass(frozen=True)
class RefinementMethod(Method[RefinementRun, RunState]):
    """A run of the refinement; ``syntheses`` are the files of :func:`make_syntheses`."""

    syntheses: Sequence[Path]

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.configuration.optimisation.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step on ``batch_size`` patches, each device on its share; ``before`` is the norm without refinement."""
        data, loss = self.configuration.data, self.configuration.loss
        rate = self.configuration.optimisation.rate(self.state.step)
        self.set_rate(rate)
        whole = draw_patches(self.syntheses, data.crop, data.batch_size, self.state.rng)
        batch = whole.share(fabric.global_rank, fabric.world_size).to(fabric.device)
        with fabric.autocast():
            output = self.state.network(batch.volumes, batch.given, batch.mask)
        judged = judged_voxels(batch, data.margin)
        terms = refinement_losses(output.float(), batch.truths, judged, loss)
        with torch.no_grad():
            before = image_norm(batch.volumes, batch.truths, judged, loss.norm)
        numbers = self.update(fabric, torch.stack(list(terms.values())).sum(), {**terms, "before": before})
        return numbers | {"learning_rate": rate}

    def synthesise(self, fabric: Fabric) -> Tensor:
        """A patch's middle slice, a row a modality: 2-D, refined by the averaged weights, the truth; (1, H, W)."""
        batch = draw_patches(self.syntheses[:1], self.configuration.data.crop, 1, np.random.default_rng(0))
        batch = batch.to(fabric.device)
        with torch.no_grad(), fabric.autocast():
            output = self.state.average(batch.volumes, batch.given, batch.mask).float()
        middle = self.configuration.data.crop[0] // 2
        columns = [torch.cat(list(v[0, :, middle]), dim=0) for v in (batch.volumes, output, batch.truths)]
        return torch.cat(columns, dim=1).clamp(0, 1).cpu()[None]


def judged_voxels(batch: Patches, margin: int) -> Tensor:
    """(B, M, D, H, W): in the field of view, off the patch's border, of modalities synthesised whose truth is known."""
    within = [slice(margin, side - margin) for side in batch.mask.shape[2:]]
    inner = torch.zeros_like(batch.mask)
    inner[:, :, within[0], within[1], within[2]] = 1
    wanted = (1 - batch.given) * batch.known  # (B, M)
    return (batch.mask * inner * wanted[:, :, None, None, None]) > 0

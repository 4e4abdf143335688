"""One picture of what the network can do: every input subset (rows) by every target (columns)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from mmhvae.network import BACKGROUND, MMHVAE
from torch import Tensor

from ..data import Batch, TrainingCase, fullest_slice
from ..objective import Subset, subsets_of

GAP = 2  # pixels right of and below every image
LIGHT = 1.0  # value of the line between inputs and outputs


def showcase(cases: Sequence[TrainingCase], side: int) -> Batch:
    """The fullest slice (1, 1, side, side) of the case with most modalities, the first of them."""
    return fullest_slice(max(cases, key=lambda case: len(case.inputs)), side)


@torch.no_grad()
def image_grid(network: MMHVAE, batch: Batch) -> Tensor:
    """What the network makes at temperature 0, see :func:`subsets_grid`."""
    encodings = network.encode(batch.inputs)

    def synthesised(subset: Subset) -> dict[str, Tensor]:
        z1, _ = network.fuse({name: encodings[name] for name in subset}, temperature=0.0)
        decoded = network.decode(z1, network.config.modalities)
        return {name: torch.where(batch.mask, image, BACKGROUND) for name, image in decoded.items()}

    return subsets_grid(synthesised, batch, network.config.modalities)


def subsets_grid(
    synthesised: Callable[[Subset], Mapping[str, Tensor]], batch: Batch, modalities: Sequence[str]
) -> Tensor:
    """One row a subset of the observed modalities, and the truth below; (1, H, W) in [0, 1].

    A row shows the inputs small, side by side (left of the light line; black where missing), then every target that
    is ``synthesised`` of them, each (1, 1, side, side).
    """
    rows = []
    for subset in sorted(subsets_of(batch.observed), key=len):
        rows.append(_row({name: batch.inputs[name] for name in subset}, synthesised(subset), modalities))
    rows.append(_row(batch.inputs, batch.targets, modalities))
    return ((torch.cat(rows, dim=1) + 1) / 2).clamp(0, 1).cpu()  # (1, H, W)


def _row(inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], modalities: Sequence[str]) -> Tensor:
    like = next(iter(outputs.values()))  # (1, 1, side, side)
    missing = torch.full_like(like, BACKGROUND)
    line = torch.full_like(F.pad(like, (0, 0, 0, GAP))[..., :GAP], LIGHT)
    images = [_padded(outputs.get(name, missing)) for name in modalities]
    return torch.cat([_padded(_thumbnails(inputs, modalities, missing)), line, *images], dim=3)[0]


def _thumbnails(inputs: Mapping[str, Tensor], modalities: Sequence[str], missing: Tensor) -> Tensor:
    """All modalities in the space of one image: two by two for up to four of them."""
    across = math.ceil(math.sqrt(len(modalities)))
    canvas = missing.clone()
    side = canvas.shape[-1] // across
    for place, name in enumerate(modalities):
        row, column = (side * index for index in divmod(place, across))
        small = F.adaptive_avg_pool2d(inputs.get(name, missing), side)
        canvas[..., row : row + side, column : column + side] = small
    return canvas


def _padded(image: Tensor) -> Tensor:
    return F.pad(image, (0, GAP, 0, GAP), value=BACKGROUND)

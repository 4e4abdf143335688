"""What the network is shown of a patient: one modality, or several of them, always in M channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from .configuration import Missing

Subset = tuple[int, ...]


def all_subsets(modalities: int) -> list[Subset]:
    """Every non-empty set of modalities, small ones first; 15 for four."""
    return [chosen for size in range(1, modalities + 1) for chosen in combinations(range(modalities), size)]


def shown(images: Tensor, present: Sequence[int], missing: Missing = "mean") -> Tensor:
    """Present modalities in their channels, the mean of them in the others: one modality alone is repeated.

    The paper repeats single modalities and says nothing of subsets; this is the reading that agrees with it.

    Args:
        images: (B, M, D, H, W), all modalities.
        missing: zeros in place of the mean, for a baseline.

    Raises:
        ValueError: no modality is present.
    """
    if not present:
        raise ValueError("One modality or more should be present.")
    there = torch.zeros(images.shape[1], dtype=torch.bool, device=images.device)
    there[list(present)] = True
    mean = images[:, list(present)].mean(dim=1, keepdim=True)
    filling = mean if missing == "mean" else torch.zeros_like(mean)
    return torch.where(there[None, :, None, None, None], images, filling)

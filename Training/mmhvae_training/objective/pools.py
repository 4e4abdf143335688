"""Memory of real images of each modality, for the steps whose case lacks it (Algorithm 1, line 28)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Up to ``size`` images (1, H, W). Once full, newcomers replace random ones, at most half of them at a time.

    (The paper remembers the last image alone, which is ``ImagePool(1)``.)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def __len__(self) -> int:
        return len(self.images)

    def push(self, images: Tensor, rng: np.random.Generator) -> None:
        """Remember ``images`` (B, 1, H, W); what doesn't fit is forgotten at once."""
        free = self.size - len(self.images)
        self.images += [image.clone() for image in images[:free]]
        newcomers = images[free:][: max(1, self.size // 2)]
        places = rng.choice(len(self.images), len(newcomers), replace=False)
        for place, image in zip(places.tolist(), newcomers, strict=True):
            self.images[place] = image.clone()

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """``count`` random images (count, 1, H, W), different ones where there are as many.

        Raises:
            ValueError: the pool is empty.
        """
        if not self.images:
            raise ValueError("The pool is empty: nothing was pushed yet.")
        chosen = rng.choice(len(self.images), count, replace=len(self.images) < count)
        return torch.stack([self.images[index] for index in chosen.tolist()])

    def state(self) -> list[Tensor]:
        """What :meth:`restore` needs."""
        return list(self.images)

    def restore(self, images: list[Tensor]) -> None:
        """Take over another pool's images."""
        self.images = list(images)

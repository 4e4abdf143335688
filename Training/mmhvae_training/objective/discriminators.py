"""PatchGAN discriminators, one a modality (Isola et al., 2017), as deep as the image size allows."""

from __future__ import annotations

from itertools import pairwise

from mmhvae.exceptions import InputError
from torch import Tensor, nn

SMALLEST_SIDE = 3  # that strided layers leave: two more layers of stride 1 take it to a single score


def strided_layers(image_size: int) -> int:
    """How many stride-2 layers an image bears: 192 pixels six (to 3 x 3), 96 five.

    Raises:
        InputError: the image is too small for a single one.
    """
    count = 0
    while image_size >> (count + 1) >= SMALLEST_SIDE:
        count += 1
    if count == 0:
        raise InputError(
            f"Images of {image_size} pixels are too small for a discriminator; "
            f"use at least {2 * SMALLEST_SIDE}, or set adversarial.weight to 0."
        )
    return count


class Discriminator(nn.Module):
    """Scores of overlapping patches: near 1 for real images, near 0 for synthetic ones.

    4 x 4 convolutions with padding 1: :func:`strided_layers` of stride 2, then two of stride 1, the last to one
    channel. Widths w, 2w, then 4w; instance normalisation on all but the first and last; LeakyReLU 0.2.

    Args:
        image_size: side of the square images in pixels.
        base_width: w.
    """

    def __init__(self, image_size: int, base_width: int = 64) -> None:
        super().__init__()
        strides = [2] * strided_layers(image_size) + [1]
        widths = [1] + [base_width * min(2**depth, 4) for depth in range(len(strides))]
        layers: list[nn.Module] = []
        for depth, (stride, (before, after)) in enumerate(zip(strides, pairwise(widths), strict=True)):
            layers.append(nn.Conv2d(before, after, 4, stride, padding=1))
            if depth > 0:
                layers.append(nn.InstanceNorm2d(after))
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) in [-1, 1] -> scores (B, 1, h, w), a single one where H is 3 times a power of two."""
        scores: Tensor = self.layers(image)
        return scores

"""A segmenter of ultrasound that outlines what is bright, saved as a bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from mmhvae.segmentation import (
    ImageRules,
    PlainUNet,
    PlainUNetConfig,
    UltrasoundManifest,
    UltrasoundSegmenter,
    save_ultrasound_segmenter,
)

PLAN = PlainUNetConfig((4, 8), ((3, 3, 3),) * 2, ((1, 1, 1), (2, 2, 2)), (1, 1), (1,))


def save_bright_network(folder: Path) -> Path:
    """The bundle in ``folder``, named as it."""
    network = PlainUNet(PLAN).eval()
    with torch.no_grad():
        for convolution in (network.encoder[0][0][0], network.decoder[0][0][0], network.head):
            convolution.weight.zero_()
        network.encoder[0][0][0].weight[0, 0, 1, 1, 1] = 1
        network.decoder[0][0][0].weight[0, PLAN.features[0], 1, 1, 1] = 1
        network.head.weight[1, 0], network.head.bias[:] = 10, torch.tensor([5.0, 0.0])
    manifest = UltrasoundManifest(folder.name, PLAN, 1, ImageRules((2.0, 2.0, 2.0)), (16, 16, 16), "MIT", "tests")
    return save_ultrasound_segmenter(UltrasoundSegmenter((network,), manifest, "# Card\n"), folder)

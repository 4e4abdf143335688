"""A network that outlines what is bright, saved as a segmenter of ultrasound or as a brain extractor."""

from __future__ import annotations

from pathlib import Path

import torch
from mmhvae.segmentation import (
    BrainExtractor,
    BrainManifest,
    ImageRules,
    PlainUNet,
    PlainUNetConfig,
    UltrasoundManifest,
    UltrasoundSegmenter,
    save_brain_extractor,
    save_ultrasound_segmenter,
)

PLAN = PlainUNetConfig((4, 8), ((3, 3, 3),) * 2, ((1, 1, 1), (2, 2, 2)), (1, 1), (1,))


def bright_network(deviations: float = 0.5) -> PlainUNet:
    """Says that a voxel belongs to it where it is brighter than the mean by so many standard deviations."""
    network = PlainUNet(PLAN).eval()
    with torch.no_grad():
        for convolution in (network.encoder[0][0][0], network.decoder[0][0][0], network.head):
            convolution.weight.zero_()
        network.encoder[0][0][0].weight[0, 0, 1, 1, 1] = 1
        network.decoder[0][0][0].weight[0, PLAN.features[0], 1, 1, 1] = 1
        network.head.weight[1, 0], network.head.bias[:] = 10, torch.tensor([10 * deviations, 0.0])
    return network


def save_bright_network(folder: Path) -> Path:
    """A segmenter of ultrasound in ``folder``, named as it."""
    manifest = UltrasoundManifest(folder.name, PLAN, 1, ImageRules((2.0, 2.0, 2.0)), (16, 16, 16), "MIT", "tests")
    return save_ultrasound_segmenter(UltrasoundSegmenter((bright_network(),), manifest, "# Card\n"), folder)


def bright_extractor(name: str = "bright") -> BrainExtractor:
    """A brain extractor for brains that are brighter than the rest of the head."""
    return BrainExtractor(bright_network(1.2), BrainManifest(name, PLAN, 2.0, "MIT", "tests"), "# Card\n")


def save_bright_extractor(folder: Path) -> Path:
    """It in ``folder``, named as it."""
    return save_brain_extractor(bright_extractor(folder.name), folder)

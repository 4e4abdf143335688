"""Which network a run trains: how large it is, and which of the paper's parts it has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Missing = Literal["mean", "zeros"]
REDUCTION = 32
"""SwinUNETR's bottleneck has one voxel for this many of the crop, along each axis."""


@dataclass(frozen=True)
class PersonalisedConfig:
    """Architecture of a `PersonalisedNetwork`, or of a baseline that is trained alike.

    Args:
        modalities: M of them; the network takes and gives M channels.
        classes: None for synthesis, M output channels; else a segmentation's classes, background included.
        crop: sides of the volumes it is trained and run on, multiples of 32. The prior has one vector a voxel of the
            bottleneck, so that a network belongs to one crop.
        feature_size: f, divisible by 12.
        depths, num_heads, window_size: of MONAI's Swin transformer.
        norm: ``instance``, or ``group`` where the bottleneck is a single voxel.
        prior: whether there is a learnable prior O, with attention and fusion; without it the network is SwinUNETR.
        fuse: one convolution (``paper``), or the deeper fusion of the authors' code (``released``).
        heads: whether rotation and contrast are judged on z (``encoder``, the paper's A.1 and Algorithm 1) or on X'
            (``fused``, the authors' code).
        checkpointing: recompute activations in the backward pass, for memory.
        network: ``swin``, the paper's; or ``unet``, a baseline.
        missing: what is shown in place of a modality that is missing: the mean of those that are there, so that one
            alone is repeated, as in the paper; or zeros, as U-HVED's authors have their U-Net.
    """

    modalities: tuple[str, ...] = ("t1", "cet1", "t2", "flair")
    classes: int | None = None
    crop: tuple[int, int, int] = (96, 96, 96)
    feature_size: int = 48
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    num_heads: tuple[int, int, int, int] = (3, 6, 12, 24)
    window_size: int = 7
    norm: Literal["instance", "group"] = "instance"
    prior: bool = True
    fuse: Literal["paper", "released"] = "paper"
    heads: Literal["encoder", "fused"] = "encoder"
    checkpointing: bool = False
    network: Literal["swin", "unet"] = "swin"
    missing: Missing = "mean"

    def __post_init__(self) -> None:
        if self.network == "unet" and self.prior:
            raise ValueError("prior should be false where network is unet: it belongs to swin.")
        if self.feature_size % 12:
            raise ValueError(f"feature_size should be divisible by 12, got {self.feature_size}.")
        if any(side % REDUCTION for side in self.crop) or min(self.crop) < REDUCTION:
            raise ValueError(f"crop should have sides divisible by {REDUCTION}, got {self.crop}.")
        if self.crop[1] != self.crop[2]:
            raise ValueError(f"crop should be square across the axis of rotation, the first one, got {self.crop}.")
        if self.norm == "instance" and self.bottleneck == (1, 1, 1):
            raise ValueError("norm should be group where the crop has 32 voxels a side: the bottleneck is one voxel.")
        if self.classes is not None and self.classes < 2:
            raise ValueError(f"classes should be 2 or more, background included, got {self.classes}.")

    @property
    def bottleneck(self) -> tuple[int, int, int]:
        """g of each axis: the bottleneck's sides."""
        return (self.crop[0] // REDUCTION, self.crop[1] // REDUCTION, self.crop[2] // REDUCTION)

    @property
    def tokens(self) -> int:
        """n: voxels of the bottleneck."""
        return math.prod(self.bottleneck)

    @property
    def bottleneck_channels(self) -> int:
        """16 f."""
        return 16 * self.feature_size

    @property
    def outputs(self) -> int:
        """Channels of the output."""
        return self.classes or len(self.modalities)

    @property
    def monai_norm(self) -> str | tuple[str, dict[str, Any]]:
        """The norm as MONAI names it."""
        return "instance" if self.norm == "instance" else ("group", {"num_groups": 4, "affine": True})

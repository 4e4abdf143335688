"""Convolutions of volumes that are smaller than the kernel, in float32 whatever the autocast; for CPUs.

oneDNN, by which PyTorch convolves on CPUs, leaves parts of the weight's gradient uninitialised in bfloat16 where a
volume has two voxels along its first axis and the kernel three: now and then infinite, mostly just wrong, while the
images are right (seen with torch 2.13; float32 and larger volumes are right). 3-D networks have such volumes at their
coarsest levels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SmallVolumeConv3d(nn.Conv3d):
    """A drop-in for ``nn.Conv3d``: same parameters, same names, and images of the same type for larger volumes."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> the convolution; of the weight's type where a side is smaller than the kernel's."""
        if all(side >= kernel for side, kernel in zip(x.shape[2:], self.kernel_size, strict=True)):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


def keep_small_volumes_exact(network: nn.Module) -> None:
    """Have every 3-D convolution of ``network`` compute small volumes in float32, in place."""
    for module in network.modules():
        if type(module) is nn.Conv3d:
            module.__class__ = SmallVolumeConv3d

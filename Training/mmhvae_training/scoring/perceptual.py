"""Shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022), with the weights that the package stlpips-pytorch ships.

It is *not* LPIPS (Zhang et al., 2018), whose ImageNet weights no package ships: tables must name it ST-LPIPS. The
package itself imports torchvision and others, which it then does not use; so only its weights are read here.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from mmhvae.exceptions import InputError
from numpy.typing import NDArray
from torch import Tensor, nn

PACKAGE = "stlpips-pytorch"
WEIGHTS = "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth"
SMALLEST_SIDE = 32  # pixels; the coarsest features of a smaller image are none
CHANNELS = (64, 192, 384, 256, 256)


class BlurredPool(nn.Module):
    """Halves the resolution after a 3 x 3 binomial filter, with 2 pixels of reflection around."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("filt", (taps[:, None] * taps).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.filt, stride=2, groups=len(self.filt))


class ShiftTolerantAlexNet(nn.Module):
    """AlexNet's five convolutions without strides; features after each."""

    def __init__(self) -> None:
        super().__init__()
        self.slice1 = nn.Sequential(nn.Conv2d(3, 64, 11, padding=2), BlurredPool(64), nn.ReLU())
        self.slice2 = nn.Sequential(nn.MaxPool2d(3, 1), BlurredPool(64), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU())
        self.slice3 = nn.Sequential(nn.MaxPool2d(3, 1), BlurredPool(192), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU())
        self.slice4 = nn.Sequential(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU())
        self.slice5 = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU())

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for part in (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5):
            x = part(x)  # (B, C, h, w)
            features.append(x)
        return features


class ShiftTolerantLPIPS(nn.Module):
    """Distance of two grey images (B, 1, H, W) in [0, 1] -> (B,); 0 for equal ones."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))
        self.net = ShiftTolerantAlexNet()
        self.weights = nn.ModuleList(nn.Conv2d(channels, 1, 1, bias=False) for channels in CHANNELS)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        distance = torch.zeros(len(a), device=a.device)
        for weight, first, second in zip(self.weights, self._features(a), self._features(b), strict=True):
            distance = distance + weight((first - second) ** 2).mean((1, 2, 3))
        return distance

    def _features(self, image: Tensor) -> list[Tensor]:
        scaled = ((2 * image - 1).expand(-1, 3, -1, -1) - self.shift) / self.scale
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in self.net(scaled)]


def load_perceptual(device: str = "cpu") -> ShiftTolerantLPIPS:
    """The measure with its trained weights.

    Raises:
        InputError: the package is not installed.
    """
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(WEIGHTS)))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (metadata.PackageNotFoundError, OSError) as error:
        raise InputError(f"ST-LPIPS needs the package {PACKAGE}; install it, or leave --perceptual out.") from error
    measure = ShiftTolerantLPIPS()
    measure.load_state_dict({_renamed(name): value for name, value in state.items()})
    return cast(ShiftTolerantLPIPS, measure.eval().requires_grad_(False).to(device))


def _renamed(name: str) -> str:
    """The package numbers the layers of all five parts through; here each part begins with 0."""
    first = {"slice1": 0, "slice2": 3, "slice3": 7, "slice4": 11, "slice5": 13}
    top, *rest = name.split(".")
    if top == "scaling_layer":
        return rest[0]
    if top.startswith("lin"):
        return f"weights.{top[3:]}.weight"
    part, number, *ending = rest
    return ".".join([top, part, str(int(number) - first[part]), *ending])


@torch.inference_mode()
def perceptual_distance(
    measure: ShiftTolerantLPIPS, image: NDArray[np.float32], truth: NDArray[np.float32], batch: int = 8
) -> NDArray[np.float64]:
    """ST-LPIPS a slice (S,) of slices (S, H, W) in [0, 1].

    Raises:
        InputError: the slices are too small.
    """
    if min(image.shape[1:]) < SMALLEST_SIDE:
        raise InputError(f"ST-LPIPS needs slices of {SMALLEST_SIDE} pixels or more; leave --perceptual out.")
    device = measure.shift.device
    pairs = zip(*(torch.from_numpy(x)[:, None].to(device).split(batch) for x in (image, truth)), strict=True)
    return np.asarray(torch.cat([measure(a, b) for a, b in pairs]).cpu().numpy(), np.float64)

"""Does a device compute what it should? Real work of both kinds, small, compared with a plain pass on the CPU.

A GPU can be listed and still fail at the first convolution, for want of a kernel for its generation or of memory, and
a driver can compute wrongly. Better to learn it from a click than in the operating room.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..answers import SelfTestAnswer
from ..compute import choose_device
from ..exceptions import InputError
from ..images import exp_se3
from ..network import MMHVAE, MMHVAEConfig, computing, prepared
from ..registration import LocalCorrelation, Volume
from .context import Context
from .parameters import Parameters

#: Largest differences from the CPU, of images in [-1, 1] and as a share of the gradient: rounding, a hundredfold.
NETWORK_TOLERANCE = 1e-3
GRADIENT_TOLERANCE = 1e-2
CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


def run_self_test(parameters: Parameters, context: Context) -> SelfTestAnswer:
    """A small network and a gradient on the device, compared with the CPU."""
    device = parameters.text("device", "auto")
    parameters.finish()
    context.progress(0.0, "testing the device")
    return self_test(device)


def self_test(name: str = "auto") -> SelfTestAnswer:
    """Pass images through a small network, and differentiate a similarity by the pose, on the device ``name``.

    Raises:
        InputError: there is no such device, it cannot do the work, or its results are wrong.
    """
    device, started = choose_device(name), time.monotonic()
    try:
        network = _network_difference(device)
        gradient = _gradient_difference(device)
    except RuntimeError as error:  # torch's CUDA errors and its exhausted memory among them
        reason = str(error).splitlines()[0][:200]
        raise InputError(f"The device {device} cannot do the work ({reason}); use the CPU.") from error
    # Written so that NaN fails.
    if not (network <= NETWORK_TOLERANCE and gradient <= GRADIENT_TOLERANCE):
        raise InputError(
            f"The device {device} computes wrong results (off by {network:.2g} and {gradient:.2g}); "
            "use the CPU, and update the device's driver."
        )
    return SelfTestAnswer(str(device), network, gradient, time.monotonic() - started)


@torch.inference_mode()
def _network_difference(device: torch.device) -> float:
    """Largest difference between the network as it works on ``device`` and the untouched one on the CPU."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MMHVAE(CONFIG).eval()
    images = {
        modality: torch.rand(2, 1, CONFIG.image_size, CONFIG.image_size, generator=generator) * 2 - 1
        for modality in CONFIG.modalities[:2]
    }
    expected = network(images, targets=list(CONFIG.modalities), temperature=0).images
    working = prepared(network, device)
    with computing(device, torch.float32):
        found = working(
            {name: image.to(device) for name, image in images.items()},
            targets=list(CONFIG.modalities),
            temperature=0,
        ).images
    return max(float((found[name].float().cpu() - image).abs().max()) for name, image in expected.items())


@torch.no_grad()
def _gradient_difference(device: torch.device) -> float:
    """Difference of the similarity's gradients by the pose from the CPU's, as a share of the latter."""
    expected, found = (_gradient(where) for where in (torch.device("cpu"), device))
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _gradient(device: torch.device) -> np.ndarray:
    fixed, moving = (_volume(seed, device) for seed in (1, 2))
    centre = np.full(3, 11.5)
    pose = exp_se3(np.array([[0.03, -0.02, 0.04, 0.8, -0.6, 0.5]]))
    pose[:, :3, 3] += centre
    return LocalCorrelation(fixed, moving, centre, window=8.0).differentiate(pose).gradients


def _volume(seed: int, device: torch.device) -> Volume:
    """24 voxels a side of 1 mm: a structure that both volumes share, and some of its own, from a seed."""
    values = _smooth_noise(0) + 0.3 * _smooth_noise(seed)
    values = (values - values.mean()) / values.std()
    return Volume(values.to(device), torch.ones_like(values, device=device), np.eye(4))


def _smooth_noise(seed: int) -> Tensor:
    coarse = torch.randn(1, 1, 6, 6, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=(24, 24, 24), mode="trilinear")[0, 0]

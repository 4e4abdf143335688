"""One device or several: how many, the fabric, and gradients and losses averaged over all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from mmhvae.exceptions import InputError
from torch import nn

from ..configuration import DeviceConfig, RunSettings


def launch(configuration: RunSettings) -> Fabric:
    """Start the processes, one a device.

    Raises:
        InputError: there is no such device, or the batch cannot be shared out evenly.
    """
    config, devices = configuration.device, devices_of(configuration)
    for name, size in configuration.shared_sizes().items():
        if size % devices:
            raise InputError(f"{name} ({size}) should be a multiple of device.devices ({devices}).")
    if devices > 1 and _on_cpu(config):
        share_threads(devices)
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=devices,
            strategy="ddp" if devices > 1 else "auto",
            precision=config.precision,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(f"device: {' '.join(str(error).split())} Choose another accelerator or precision.") from error
    fabric.launch()
    return fabric


def devices_of(configuration: RunSettings) -> int:
    """How many devices, or on a CPU processes, a run takes: by itself only one where no script can be started again.

    (From a notebook, say: Fabric starts the others by this process's own command line, and ends this one if they fail.)
    """
    config = configuration.device
    if config.devices != "auto":
        return config.devices
    if not _on_cpu(config):
        return 1
    if "LOCAL_RANK" in os.environ:  # this process is one of several already
        return int(os.environ.get("WORLD_SIZE", "1"))
    if not Path(sys.argv[0]).is_file():
        return 1
    sizes = configuration.shared_sizes().values()
    return max(n for n in range(1, torch.get_num_threads() + 1) if all(size % n == 0 for size in sizes))


def share_threads(processes: int) -> None:
    """Share this process's threads out to ``processes``, itself and those that it is going to start."""
    if "LOCAL_RANK" not in os.environ:
        threads = max(1, torch.get_num_threads() // processes)
        os.environ["OMP_NUM_THREADS"] = str(threads)
        torch.set_num_threads(threads)


def _on_cpu(config: DeviceConfig) -> bool:
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    return config.accelerator == "cpu" or (config.accelerator == "auto" and not gpu)


def average_gradients(fabric: Fabric, module: nn.Module) -> None:
    """Average the gradients of ``module`` over the devices.

    Every device works on the same case and the same subsets, so that a parameter without gradient, such as an encoder
    whose modality is missing, has none on any of them; the optimiser leaves it alone as on a single device.
    """
    if fabric.world_size == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = _averaged(fabric, torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def average_losses(fabric: Fabric, losses: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """The losses of the whole batch as numbers: one transfer, the same on every device."""
    if not losses:  # of the discriminators, in a step that has no fakes for them
        return {}
    stacked = torch.stack([value.detach().float() for value in losses.values()])
    if fabric.world_size > 1:
        stacked = _averaged(fabric, stacked)
    return dict(zip(losses, stacked.tolist(), strict=True))


def _averaged(fabric: Fabric, tensor: torch.Tensor) -> torch.Tensor:
    return cast(torch.Tensor, fabric.all_reduce(tensor, reduce_op="mean"))

"""One device or several: the fabric, shares of a batch, and gradients and losses averaged over all of them."""

from __future__ import annotations

from typing import cast

import torch
from lightning_fabric import Fabric
from mmhvae.exceptions import InputError
from torch import nn

from .method import RunConfiguration


def launch(configuration: RunConfiguration) -> Fabric:
    """Start the processes, one a device.

    Raises:
        InputError: there is no such device, or the batch cannot be shared out evenly.
    """
    config = configuration.device
    for name, size in configuration.shared_sizes().items():
        if size % config.devices:
            raise InputError(f"{name} ({size}) should be a multiple of device.devices ({config.devices}).")
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            precision=config.precision,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(f"device: {' '.join(str(error).split())} Choose another accelerator or precision.") from error
    fabric.launch()
    return fabric


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


def average_losses(fabric: Fabric, losses: dict[str, torch.Tensor]) -> dict[str, float]:
    """The losses of the whole batch as numbers: one transfer, the same on every device."""
    if not losses:  # of the discriminators, in a step that has no fakes for them
        return {}
    stacked = torch.stack([value.detach().float() for value in losses.values()])
    if fabric.world_size > 1:
        stacked = _averaged(fabric, stacked)
    return dict(zip(losses, stacked.tolist(), strict=True))


def _averaged(fabric: Fabric, tensor: torch.Tensor) -> torch.Tensor:
    return cast(torch.Tensor, fabric.all_reduce(tensor, reduce_op="mean"))

"""Weights of segmenters on disk: stored in half precision, used in single precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import save as save_tensors
from torch import nn

from ..bundle import require_same_shapes, tensors_in

Network = TypeVar("Network", bound=nn.Module)


def stored(network: nn.Module) -> bytes:
    """The weights as safetensors."""
    state = network.state_dict()
    return save_tensors({name: tensor.detach().cpu().to(torch.float16).contiguous() for name, tensor in state.items()})


def restored(make: Callable[[], Network], weights: bytes, source: Path) -> Network:
    """What ``make`` gives with these weights, in evaluation mode.

    Raises:
        InputError: they are damaged or of another network; ``source`` is named.
    """
    state = tensors_in(weights, source, "segmenter")
    with torch.device("meta"):  # shapes only: nothing is allocated before the tensors are known to fit
        expected = {name: tensor.to(torch.float16) for name, tensor in make().state_dict().items()}
    require_same_shapes(expected, state, source)
    network = make()
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return network.eval()

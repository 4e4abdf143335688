"""Networks of segmenters on disk: stored in half precision, used in single precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from safetensors.torch import save as save_tensors
from torch import nn

from ..bundle import CARD, MANIFEST, WEIGHTS, read_members, require_checksum, require_same_shapes, tensors_in


class Checked(Protocol):
    """A manifest that says which weights it was written for."""

    @property
    def weights_sha256(self) -> str: ...


Network = TypeVar("Network", bound=nn.Module)
Manifest = TypeVar("Manifest", bound=Checked)


def opened(
    path: Path, parse: Callable[[bytes, Path], Manifest], make: Callable[[Manifest], Network]
) -> tuple[Network, Manifest, str]:
    """Network, manifest and card of the bundle at ``path``, a folder or zip; each checked before the next is read.

    Raises:
        InputError: missing, damaged, altered, or refused by ``parse``.
    """
    members = read_members(path)
    manifest = parse(members[MANIFEST], path)
    require_checksum(members, manifest.weights_sha256, path)
    network = restored(lambda: make(manifest), members[WEIGHTS], path)
    return network, manifest, members[CARD].decode("utf-8", errors="replace")


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

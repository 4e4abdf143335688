"""What the training loop asks of a method: MMHVAE, the personalised network, the tumour segmenter, a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from lightning_fabric import Fabric
from torch import Tensor

from ..configuration import DeviceConfig, OutputConfig
from .run_state import RunState


class RunConfiguration(Protocol):
    """What every method's typed configuration has."""

    @property
    def run(self) -> Path: ...
    @property
    def output(self) -> OutputConfig: ...
    @property
    def device(self) -> DeviceConfig: ...
    @property
    def seed(self) -> int: ...

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices, by name."""
        ...

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network beside the weights."""
        ...

    def plain(self) -> dict[str, Any]:
        """As nested dictionaries, lists, numbers and texts."""
        ...


class Method(Protocol):
    """A way to train a network: it knows its data, losses and schedule; the loop knows runs, logs and checkpoints."""

    @property
    def configuration(self) -> RunConfiguration: ...
    @property
    def state(self) -> RunState: ...
    @property
    def steps(self) -> int:
        """Length of the run."""
        ...

    @property
    def average_decay(self) -> float:
        """Of the moving average of the weights."""
        ...

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step: draw, go backward, update. Its losses, the same numbers on every device.

        Raises:
            NumericalTroubleError: before the weights take harm.
        """
        ...

    def synthesise(self, fabric: Fabric) -> Tensor | None:
        """A picture (1, H, W) in [0, 1] of what the averaged network makes now; None where there is nothing to see."""
        ...

"""A personalised network out of its run's folder, with averaged weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmhvae import InputError

from ..loop import CHECKPOINT, checksum_of, read_checkpoint, read_run
from .configuration import PersonalisedConfig
from .representation import RepresentationNetwork
from .unet import new_network


@dataclass(frozen=True)
class TrainedNetwork:
    """A network in evaluation mode, the spacing (mm) of its volumes, and ``facts`` that say which one it is."""

    network: RepresentationNetwork
    spacing: int
    facts: dict[str, Any]

    @property
    def config(self) -> PersonalisedConfig:
        """Its architecture, crop included."""
        return self.network.config


def load_run(folder: Path) -> TrainedNetwork:
    """The averaged weights of a run's last checkpoint.

    Raises:
        InputError: the folder holds no run of train_personalised.py, or a damaged one.
    """
    described = read_run(folder)
    task = described["config"].get("task")
    if task is None:
        raise InputError(f"{folder} holds no run of train_personalised.py; give a folder that it made.")
    checkpoint = read_checkpoint(folder / CHECKPOINT, "step")
    try:
        network = new_network(PersonalisedConfig(**checkpoint["architecture"]))
        network.load_state_dict(checkpoint["average"])
        spacing = int(checkpoint["spacing"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise InputError(f"{folder / CHECKPOINT} is of another network than this version's; train it again.") from error
    facts = {"step": checkpoint["step"], "commit": described["commit"], "task": task}
    facts["weights_sha256"] = checksum_of(network.state_dict())
    return TrainedNetwork(network.eval(), spacing, facts)

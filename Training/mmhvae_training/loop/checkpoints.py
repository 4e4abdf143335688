"""A run on disk: ``checkpoint.pt`` with everything, ``average-NNNNNN.pt`` with weights only; whole or not at all."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from mmhvae.bundle import Bundle, load_bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_bytes
from mmhvae.segmentation import BrainExtractor, SegmenterBundle

from ..configuration import RunSettings
from .run_record import RUN, Description, read_run
from .run_state import RunState

CHECKPOINT = "checkpoint.pt"
_KEPT = re.compile(r"average-(\d+)\.pt")


def save_checkpoint(state: RunState, configuration: RunSettings, fabric: Fabric) -> None:
    """Write the state into the run's folder, in place of the last checkpoint.

    Raises:
        InputError: it cannot be written; the last checkpoint is untouched.
    """
    precision = {"precision": dict(fabric.strategy.precision.state_dict())}
    content = state.content() | precision | configuration.network_description()
    _write(content, configuration.run / CHECKPOINT)


def keep_average(state: RunState, folder: Path) -> None:
    """Write the averaged weights to a file that stays, to choose among by more than the simulated loss."""
    _write({"average": state.average.state_dict()}, folder / f"average-{state.step:06d}.pt")


def load_checkpoint(state: RunState, path: Path, fabric: Fabric) -> None:
    """Continue from ``path``: weights, averages, optimisers, memories, random states and the step.

    Raises:
        InputError: the file is not a checkpoint, or of another network, kind of device or precision.
    """
    content = read_checkpoint(path)
    _require_same_device(content.get("noise"), state.noise, path)
    try:
        state.restore(content)
        precision = content["precision"]
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is the checkpoint of another kind of run; choose a new folder.") from error
    try:
        fabric.strategy.precision.load_state_dict(precision)
    except RuntimeError as error:  # of the scaler, which only 16-mixed has
        raise InputError(
            f"{path} was written with another device.precision; go on with that one, or begin a new run."
        ) from error


def _require_same_device(noise: Any, present: torch.Generator, path: Path) -> None:
    """Each kind of device has random numbers of its own, whose states tell it by their sizes."""
    if not isinstance(noise, torch.Tensor) or len(noise) == len(present.get_state()):
        return
    before, setting = ("a CPU", "cpu") if len(noise) == len(torch.Generator().get_state()) else ("a GPU", "cuda or mps")
    raise InputError(
        f"{path} was written on {before}, and this run's random numbers would go on on {present.device.type}, which "
        f"draws others; set device.accelerator to {setting}, or begin a new run in another folder."
    )


def read_checkpoint(path: Path, *parts: str) -> dict[str, Any]:
    """What a checkpoint or kept average holds; tensors on the CPU, nothing executed.

    Args:
        parts: what it must hold.

    Raises:
        InputError: there is no such file, it cannot be read, or it lacks a part.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}; give the folder of a run that has saved a checkpoint.") from error
    except Exception as error:
        # torch.load tells damage by many kinds of exception.
        raise InputError(f"{path} cannot be read as a checkpoint; restore it, or begin a new run.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} cannot be read as a checkpoint; give a file that a run has written.")
    missing = [part for part in parts if part not in content]
    if missing:
        raise InputError(
            f"{path} is no whole checkpoint, it lacks {', '.join(missing)}; restore it, or give another run."
        )
    return content


def read_average(run: Path, path: Path) -> tuple[dict[str, Any], int]:
    """What a kept average of the run in folder ``run`` holds, and the step that its name tells.

    Raises:
        InputError: there is no such file, it is no kept average, or it lies in another run's folder. Networks of two
            seeds fit each other's runs, so that nothing else would tell.
    """
    content, named = read_checkpoint(path), _KEPT.fullmatch(path.name)
    if named is None:
        raise InputError(f"{path} is no kept average; give one that the run has written, average-NNNNNN.pt.")
    if (path.parent / RUN).is_file() and path.parent.resolve() != run.resolve():
        raise InputError(f"{path} is of another run than {run}; give one of its own.")
    return content, int(named[1])


def start_from(
    state: RunState, path: Path, load: Callable[[Path], Bundle | SegmenterBundle | BrainExtractor] = load_bundle
) -> Description:
    """Begin a new run with the weights of a bundle, or with the averaged ones of another run: fine-tuning.

    Args:
        load: reads a bundle of the run's own kind.

    Returns:
        What is known of how those weights were trained.

    Raises:
        InputError: ``path`` is neither, or damaged, or its network is another one.
    """
    if (path / RUN).exists() or (path / CHECKPOINT).exists():
        history, weights = read_run(path), read_checkpoint(path / CHECKPOINT, "average")["average"]
    else:
        bundle = load(path)
        weights, history = bundle.network.state_dict(), dict(bundle.manifest.training)
    for network in (state.network, state.average):
        try:
            network.load_state_dict(weights)
        except (RuntimeError, TypeError) as error:
            raise InputError(f"The network of {path} is not the one to be trained; start from another.") from error
    return history


def _write(content: dict[str, Any], path: Path) -> None:
    # Serialised in memory first: torch's own writer aborts the process on a full disk.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    _write_bytes(buffer.getbuffer(), path)


def _write_bytes(content: bytes | memoryview, path: Path) -> None:
    try:
        write_bytes(content, path)
    except InputError as error:
        kept = "; the last checkpoint is kept, resume from it" if path.exists() else ""
        reason = getattr(error.__cause__, "strerror", "")
        raise InputError(
            f"{path} could not be written ({reason}); it takes {len(content) / 2**20:.1f} MiB: free some space{kept}."
        ) from error

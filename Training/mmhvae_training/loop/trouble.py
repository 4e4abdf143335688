"""A run that went wrong stops with the reason, before weights or checkpoints take harm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ..configuration import RunSettings
from ..script import StoppedError
from .checkpoints import CHECKPOINT, read_checkpoint
from .run_state import RunState


class NumericalTroubleError(StoppedError):
    """The run cannot go on: a loss or gradient is no number, or one exploded."""


def stop_at_trouble(
    losses: Mapping[str, float], state: RunState, configuration: RunSettings, exploded: str = ""
) -> None:
    """Raise if a loss is no number, or for the reason ``exploded`` that a method found by itself.

    Raises:
        NumericalTroubleError: with the reason and where the last good checkpoint lies.
    """
    wrong = next((name for name, value in losses.items() if not math.isfinite(value)), None)
    scaled = configuration.device.precision == "16-mixed"  # its scaler meets infinite gradients by itself
    reason = exploded
    if wrong and not (scaled and wrong == "gradient"):
        reason = f"{wrong} is {losses[wrong]}"
    if reason:
        raise NumericalTroubleError(
            f"Stopped at step {state.step}, because {reason}. {_last_good(configuration.run / CHECKPOINT)} "
            "Lower optimisation.learning_rate, or set optimisation.gradient_clip, in a new run that starts from it."
        )


def _last_good(path: Path) -> str:
    if not path.exists():
        return "No checkpoint was saved yet."
    return f"The last good checkpoint is {path}, of step {read_checkpoint(path, 'step')['step']}."

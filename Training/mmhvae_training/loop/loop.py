"""Training, whatever the method: steps, averaged weights, log, pictures and checkpoints, from top to bottom."""

from __future__ import annotations

from typing import Any

from lightning_fabric import Fabric

from .checkpoints import keep_average, save_checkpoint
from .logbook import Logbook
from .method import Method
from .run_state import update_average


def train(fabric: Fabric, method: Method[Any, Any], logbook: Logbook | None) -> None:
    """Run from ``method.state.step`` to the method's end.

    Every device draws the same batch and the same random numbers and works on its share; only the first has a logbook
    and writes checkpoints.

    Raises:
        NumericalTroubleError: with the reason and where the last good checkpoint lies.
        InputError: a file cannot be written.
    """
    state, configuration = method.state, method.configuration
    output = configuration.output
    while state.step < method.steps:
        losses = method.losses(fabric)
        state.step += 1
        update_average(state, method.average_decay)

        last = state.step == method.steps
        if logbook and (state.step % output.log_every == 0 or last):
            logbook.write(state.step, method.steps, losses)
        if logbook and (state.step % output.images_every == 0 or last):
            picture = method.synthesise(fabric)
            if picture is not None:
                logbook.show(state.step, picture)
        if fabric.is_global_zero and (state.step % output.checkpoint_every == 0 or last):
            save_checkpoint(state, configuration, fabric)
        if fabric.is_global_zero and state.step % output.keep_every == 0:
            keep_average(state, configuration.run)
    fabric.barrier()

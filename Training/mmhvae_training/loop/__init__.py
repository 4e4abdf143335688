"""The training loop, from top to bottom, and the state that a resumed run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .checkpoints import (
        CHECKPOINT as CHECKPOINT,
        RUN as RUN,
        load_checkpoint as load_checkpoint,
        read_checkpoint as read_checkpoint,
        start_from as start_from,
    )
    from .devices import launch as launch
    from .logbook import Logbook as Logbook
    from .loop import NumericalTroubleError as NumericalTroubleError, train as train, training_step as training_step
    from .schedule import Schedule as Schedule
    from .state import TrainingState as TrainingState, new_state as new_state, update_average as update_average
    from .updates import apply_gradients as apply_gradients, update_network as update_network
else:
    __getattr__ = lazy_names(__name__, __file__)

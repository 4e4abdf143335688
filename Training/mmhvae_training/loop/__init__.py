"""The training loop for every method, MMHVAE as one of them, and the state that a resumed run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .checkpoints import (
        CHECKPOINT as CHECKPOINT,
        load_checkpoint as load_checkpoint,
        read_average as read_average,
        read_checkpoint as read_checkpoint,
        start_from as start_from,
    )
    from .devices import average_gradients as average_gradients, average_losses as average_losses, launch as launch
    from .grids import showcase as showcase, subsets_grid as subsets_grid
    from .logbook import Logbook as Logbook
    from .loop import train as train
    from .method import SPEED as SPEED, Method as Method
    from .mmhvae_method import MMHVAEMethod as MMHVAEMethod, training_step as training_step, updates_of as updates_of
    from .run_record import RUN as RUN, read_run as read_run, spacing_of as spacing_of
    from .run_state import (
        RunState as RunState,
        adamw_state as adamw_state,
        fresh_state as fresh_state,
        update_average as update_average,
    )
    from .running import Prepared as Prepared, TrainingScript as TrainingScript
    from .schedule import Schedule as Schedule
    from .state import TrainingState as TrainingState, new_state as new_state
    from .trouble import NumericalTroubleError as NumericalTroubleError, stop_at_trouble as stop_at_trouble
    from .updates import apply_gradients as apply_gradients, update_network as update_network
    from .weights import checksum_of as checksum_of
else:
    __getattr__ = lazy_names(__name__, __file__)

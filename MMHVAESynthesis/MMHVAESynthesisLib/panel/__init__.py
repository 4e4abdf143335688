"""Parts of the panels, of which some serve both modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .advanced import Advanced as Advanced, fill as fill, select as select
    from .file_choice import (
        ask_for_file as ask_for_file,
        ask_for_folder as ask_for_folder,
        ask_where_to_save as ask_where_to_save,
    )
    from .input_rows import Inputs as Inputs
    from .module_panel import ModulePanel as ModulePanel
    from .result_display import Look as Look
    from .run_section import RunSection as RunSection
    from .state_line import ERROR as ERROR, READY as READY, WARNING as WARNING
    from .time_left import TimeLeft as TimeLeft
    from .work_row import WorkRow as WorkRow, button as button, enable as enable, wrapped_label as wrapped_label
else:
    __getattr__ = lazy_names(__name__, __file__)

"""Parts of the panels, of which some serve both modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .apply_section import ApplySection as ApplySection
    from .file_choice import (
        ask_for_file as ask_for_file,
        ask_for_folder as ask_for_folder,
        ask_where_to_save as ask_where_to_save,
    )
    from .input_rows import InputRows as InputRows
    from .module_panel import ModulePanel as ModulePanel
    from .nifti_form_row import NiftiFormRow as NiftiFormRow
    from .nifti_form_rows import NiftiFormRows as NiftiFormRows
    from .part import Installer as Installer, Part as Part, Whole as Whole
    from .result_display import ResultDisplay as ResultDisplay
    from .run_section import Action as Action, RunSection as RunSection
    from .scrolling import (
        UNFOLDED as UNFOLDED,
        UnfoldedSections as UnfoldedSections,
        scroll_into_view as scroll_into_view,
        scroll_to as scroll_to,
    )
    from .setting_lists import Entries as Entries, SettingLists as SettingLists, fill as fill, select as select
    from .state_line import ERROR as ERROR, READY as READY, WARNING as WARNING
    from .synthesis_lists import SynthesisLists as SynthesisLists
    from .time_left import TimeLeft as TimeLeft
    from .work_row import WorkRow as WorkRow, button as button, enable as enable, wrapped_label as wrapped_label
else:
    __getattr__ = lazy_names(__name__, __file__)

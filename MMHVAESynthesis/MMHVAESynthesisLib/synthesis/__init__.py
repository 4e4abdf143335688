"""One Apply: what is asked for, what comes of it, and whether that still matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .appearance import (
        LARGEST_UNCERTAINTY as LARGEST_UNCERTAINTY,
        LEVELS as LEVELS,
        legend_entries as legend_entries,
        level_colours as level_colours,
        set_up_image as set_up_image,
    )
    from .input_warnings import warnings_of as warnings_of
    from .installed_bundles import bundle_path as bundle_path
    from .modality_guesses import candidates as candidates, guessed_inputs as guessed_inputs
    from .request import Request as Request, problem_of as problem_of, request_from as request_from
    from .results import (
        ANCHOR as ANCHOR,
        KIND as KIND,
        MADE as MADE,
        MODALITY as MODALITY,
        STALE as STALE,
        Provenance as Provenance,
        ReadResults as ReadResults,
        Results as Results,
        find_results as find_results,
        is_synthetic as is_synthetic,
        made_of as made_of,
        store as store,
    )
    from .stale_watch import StaleWatch as StaleWatch
    from .staleness import (
        Model as Model,
        change_of as change_of,
        change_of_model as change_of_model,
        input_now as input_now,
        mark as mark,
        mark_by as mark_by,
        stale_reason as stale_reason,
    )
    from .synthesis_run import AnswerFiles as AnswerFiles, SynthesisRun as SynthesisRun
else:
    __getattr__ = lazy_names(__name__, __file__)

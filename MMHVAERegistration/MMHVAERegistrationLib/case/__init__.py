"""One registration: what is there, how it runs, and what moves along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .moving_along import (
        candidates as candidates,
        chosen_mrs as chosen_mrs,
        moving_nodes as moving_nodes,
        mrs_left_behind as mrs_left_behind,
        problem_of_moving as problem_of_moving,
        tick as tick,
    )
    from .outcome_inputs import mr_fingerprint as mr_fingerprint, stale_reason as stale_reason
    from .registration_case import (
        DIRECT as DIRECT,
        MR_NAMES as MR_NAMES,
        SYNTHESIS as SYNTHESIS,
        Case as Case,
        case_from as case_from,
        compared_mr as compared_mr,
        problem_of_case as problem_of_case,
        require_no_other_row as require_no_other_row,
    )
    from .registration_run import RegistrationRun as RegistrationRun
    from .usable_results import warning_of_mixed as warning_of_mixed
else:
    __getattr__ = lazy_names(__name__, __file__)

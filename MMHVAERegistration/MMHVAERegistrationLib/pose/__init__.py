"""The result's pose: its transform, its history, landmarks and centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .history import (
        BY_HAND as BY_HAND,
        CENTRES as CENTRES,
        LANDMARKS as LANDMARKS,
        NAVIGATION as NAVIGATION,
        PREVIEW as PREVIEW,
        REGISTERED as REGISTERED,
        History as History,
        Step as Step,
    )
    from .image_centres import middle_of_mr as middle_of_mr, middle_of_ultrasound as middle_of_ultrasound
    from .landmark_fit import FEWEST as FEWEST, rigid_fit as rigid_fit
    from .landmarks import Pairs as Pairs, pairs_from as pairs_from, require_along as require_along
    from .outcome import CHECK as CHECK, FAILED as FAILED, GOOD as GOOD, Outcome as Outcome
    from .result_transform import (
        before_to_world as before_to_world,
        create_result as create_result,
        find_result as find_result,
        follow_result as follow_result,
        is_part as is_part,
        is_registered as is_registered,
        let_go as let_go,
        local_matrix as local_matrix,
        put_under as put_under,
        remove_orphans as remove_orphans,
        take_out as take_out,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

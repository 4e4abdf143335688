"""Rigid registration of a pre-operative image to the field of view of an intra-operative one and its trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from ..settings import NAVIGATION as NAVIGATION, Metric as Metric, PosePrior as PosePrior
    from .case import (
        CasePairs as CasePairs,
        CaseResult as CaseResult,
        SyntheticImages as SyntheticImages,
        register_case as register_case,
        require_mrs as require_mrs,
    )
    from .case_report import answer_of as answer_of, report_of as report_of
    from .channels import Channel as Channel
    from .landmark_files import (
        PointList as PointList,
        paired as paired,
        read_landmarks as read_landmarks,
        read_markups as read_markups,
        read_tag as read_tag,
    )
    from .landmarks import best_rigid_fit as best_rigid_fit, target_registration_error as target_registration_error
    from .problem import RigidProblem as RigidProblem
    from .rigid import (
        RigidResult as RigidResult,
        register_channels as register_channels,
        register_lc2 as register_lc2,
        register_problem as register_problem,
        register_rigid as register_rigid,
    )
    from .similarity import LocalCorrelation as LocalCorrelation
    from .trust import (
        SHIPPED as SHIPPED,
        ULTRASOUND as ULTRASOUND,
        Evidence as Evidence,
        Term as Term,
        Trust as Trust,
        TrustModel as TrustModel,
        Witness as Witness,
        assess as assess,
        conclude as conclude,
        confirming_weight as confirming_weight,
        read_model as read_model,
        weighed as weighed,
        witnessed as witnessed,
        worst_error as worst_error,
    )
    from .volumes import Volume as Volume, index_to_lps as index_to_lps
else:
    __getattr__ = lazy_names(__name__, __file__)

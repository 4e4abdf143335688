"""The second paper's tables from trained personalised networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .lesion_detection import LesionScore as LesionScore, score_lesions as score_lesions
    from .reports import (
        lesion_report as lesion_report,
        subset_report as subset_report,
        transfer_report as transfer_report,
    )
    from .subsets import SubsetScore as SubsetScore, score_subsets as score_subsets
    from .transfer import (
        PROTOCOLS as PROTOCOLS,
        Predict as Predict,
        TransferScore as TransferScore,
        score_transfer as score_transfer,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

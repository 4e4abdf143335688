"""X_h: a representation of a patient's brain that does not change with the modality it is seen in.

Tan et al., "Personalize to generalize: Towards a universal medical multi-modality generalization through
personalization" (arXiv 2411.06106, ICCV 2025). Written from the paper; where the paper and the authors' public code
differ, the module that decides says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .algorithms import Constraints as Constraints, SubVolumes as SubVolumes
    from .configuration import PersonalisedConfig as PersonalisedConfig
    from .inference import predict as predict
    from .lesion_detection import LesionMetrics as LesionMetrics, lesion_metrics as lesion_metrics
    from .network import PersonalisedNetwork as PersonalisedNetwork
    from .personalised_method import (
        PersonalisedMethod as PersonalisedMethod,
        new_personalised as new_personalised,
        start_from as start_from,
    )
    from .published import single_and_full as single_and_full
    from .run_configuration import PersonalisedRun as PersonalisedRun
    from .tables import (
        by_missing as by_missing,
        score_subsets as score_subsets,
        score_transfer as score_transfer,
        subset_table as subset_table,
        transfer_table as transfer_table,
    )
    from .volumes import PatientVolume as PatientVolume, patient_volume as patient_volume
else:
    __getattr__ = lazy_names(__name__, __file__)

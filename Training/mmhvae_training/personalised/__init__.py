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
    from .inference import VALIDATION_OVERLAP as VALIDATION_OVERLAP, predict as predict
    from .inputs import Subset as Subset, all_subsets as all_subsets
    from .network import PersonalisedNetwork as PersonalisedNetwork
    from .personalised_method import (
        PersonalisedMethod as PersonalisedMethod,
        new_personalised as new_personalised,
        start_from as start_from,
    )
    from .reading import read_volume as read_volume, read_volumes as read_volumes
    from .representation import RepresentationNetwork as RepresentationNetwork
    from .run_configuration import PersonalisedRun as PersonalisedRun, VolumesConfig as VolumesConfig
    from .runs import TrainedNetwork as TrainedNetwork, load_run as load_run
    from .volumes import PatientVolume as PatientVolume, within_foreground as within_foreground
else:
    __getattr__ = lazy_names(__name__, __file__)

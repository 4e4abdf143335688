"""Real data: datasets as hospitals and archives keep them -> prepared cases that slices.py reads, and their splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .bids import bids_cases as bids_cases
    from .brats import brats_cases as brats_cases
    from .cases import case_folders as case_folders
    from .dicom import dicom_cases as dicom_cases, read_dicom_case as read_dicom_case
    from .manifest import prepare_all as prepare_all, summary as summary
    from .miniature import write_miniature as write_miniature
    from .nnunet import nnunet_cases as nnunet_cases
    from .preparation import Settings as Settings
    from .remind import read_remind_case as read_remind_case, remind_cases as remind_cases
    from .sampling import Sampler as Sampler, TrainingSet as TrainingSet, load_training_set as load_training_set
    from .slices import (
        LESION as LESION,
        WHITE_MATTER as WHITE_MATTER,
        Batch as Batch,
        TrainingCase as TrainingCase,
        WorkingImages as WorkingImages,
        all_slices as all_slices,
        fullest_slice as fullest_slice,
        load_case as load_case,
        on_working_grid as on_working_grid,
    )
    from .source import SourceCase as SourceCase, require_same_grid as require_same_grid
    from .splits import (
        SPLITS as SPLITS,
        TEST as TEST,
        read_splits as read_splits,
        stratified_folds as stratified_folds,
        write_splits as write_splits,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

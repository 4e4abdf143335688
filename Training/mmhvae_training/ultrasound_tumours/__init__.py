"""Tumours in intraoperative ultrasound, learnt from synthetic ultrasound of labelled heads (the paper's Table 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .contact_sheet import draw_contact_sheet as draw_contact_sheet
    from .control import central_outline as central_outline, median_share as median_share
    from .examples import read_examples as read_examples
    from .folds import (
        folds_by_head as folds_by_head,
        read_folds as read_folds,
        require_whole_heads as require_whole_heads,
    )
    from .labelled_sweeps import (
        LabelledSweep as LabelledSweep,
        read_labelled_sweep as read_labelled_sweep,
        sweep_folders as sweep_folders,
    )
    from .layouts import LAYOUTS as LAYOUTS, LabelledUltrasound as LabelledUltrasound, find_cases as find_cases
    from .nnunet_engine import (
        CONFIGURATIONS as CONFIGURATIONS,
        NNUNet as NNUNet,
        export_zip as export_zip,
        file_checksums as file_checksums,
        is_nnunet_model as is_nnunet_model,
        predict_with_nnunet as predict_with_nnunet,
    )
    from .nnunet_folder import (
        DataSet as DataSet,
        Origin as Origin,
        is_written as is_written,
        number_of as number_of,
        read_data_set as read_data_set,
        read_label as read_label,
        write_case as write_case,
        write_description as write_description,
        written_cases as written_cases,
    )
    from .real_outlines import (
        Ellipsoid as Ellipsoid,
        RealOutline as RealOutline,
        facts_of as facts_of,
        facts_table as facts_table,
        read_ellipsoids as read_ellipsoids,
    )
    from .scores import score_outline as score_outline, scores_rows as scores_rows, scores_table as scores_table
    from .small_configuration import SmallConfiguration as SmallConfiguration
    from .small_method import SmallMethod as SmallMethod, new_small_state as new_small_state
    from .trained_segmenters import LICENCE as LICENCE, load_trained as load_trained
    from .ultrasound_makers import (
        BundleMaker as BundleMaker,
        Maker as Maker,
        SimulatorMaker as SimulatorMaker,
        draw_subset as draw_subset,
        run_maker as run_maker,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

"""Table 1 and its figures: every input subset by every target, scored slice by slice, told case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .ablation import (
        ARMS as ARMS,
        RUN_SHAPE as RUN_SHAPE,
        Arm as Arm,
        ablation_table as ablation_table,
        complete_seeds as complete_seeds,
    )
    from .baseline_runs import (
        BaselineSource as BaselineSource,
        baseline_source as baseline_source,
        is_baseline as is_baseline,
    )
    from .comparison import (
        ALPHA as ALPHA,
        Compared as Compared,
        compared_values as compared_values,
        comparison_report as comparison_report,
        paired_p as paired_p,
    )
    from .constant_source import ConstantSource as ConstantSource
    from .drawing import new_figure as new_figure, save_figure as save_figure, show_slice as show_slice
    from .harmonisation import draw_harmonisation_figure as draw_harmonisation_figure
    from .judged_case import (
        SIDE as SIDE,
        SPACING_MM as SPACING_MM,
        JudgedCase as JudgedCase,
        judged as judged,
        read_judged_case as read_judged_case,
        thinned as thinned,
    )
    from .latent_pca import draw_latent_figure as draw_latent_figure
    from .lesion import (
        REGIONS as REGIONS,
        lesion_of as lesion_of,
        mean_scores as mean_scores,
        regions as regions,
    )
    from .methods_table import read_costs as read_costs, seeds_table as seeds_table, table_by_method as table_by_method
    from .network_source import (
        NetworkSource as NetworkSource,
        bundle_source as bundle_source,
        load_run as load_run,
        name_of_run as name_of_run,
        name_with_weights as name_with_weights,
        run_source as run_source,
    )
    from .nifti_source import NiftiSource as NiftiSource
    from .perceptual import ShiftTolerantLPIPS as ShiftTolerantLPIPS, load_perceptual as load_perceptual
    from .run_volumes import MadeVolumes as MadeVolumes, RunVolumes as RunVolumes, volumes_of_run as volumes_of_run
    from .scores import (
        SliceScore as SliceScore,
        Source as Source,
        read_scores as read_scores,
        read_seeds as read_seeds,
        score_case as score_case,
        write_scores as write_scores,
    )
    from .table import (
        EXPLAINED as EXPLAINED,
        case_means as case_means,
        cell_order as cell_order,
        report as report,
        summary as summary,
    )
    from .temperature import draw_temperature_figure as draw_temperature_figure
else:
    __getattr__ = lazy_names(__name__, __file__)

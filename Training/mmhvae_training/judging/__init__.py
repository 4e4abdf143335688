"""Bundles judged: on simulated cases, by registration, by fluid, and on real ultrasound without a true MR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .evaluation import (
        DIRECT as DIRECT,
        ERRORS_SHAPE as ERRORS_SHAPE,
        QUALITY_SHAPE as QUALITY_SHAPE,
        RANGES_MM as RANGES_MM,
        TARGETS as TARGETS,
        EvaluationCase as EvaluationCase,
        Points as Points,
        draw_displacement as draw_displacement,
        evaluate_bundle as evaluate_bundle,
        evaluate_direct as evaluate_direct,
        evaluation_table as evaluation_table,
        field_points as field_points,
        harmonised_truth as harmonised_truth,
        image_quality as image_quality,
        load_evaluation_case as load_evaluation_case,
    )
    from .fluid import (
        dark_pools as dark_pools,
        fluid_table as fluid_table,
        of_dark as of_dark,
        pool_contrast as pool_contrast,
        ventricle_contrast as ventricle_contrast,
    )
    from .judgement import (
        JUDGED_SAMPLES as JUDGED_SAMPLES,
        Settings as Settings,
        global_correlation as global_correlation,
        judge as judge,
        judgement_table as judgement_table,
    )
    from .real_pairs import (
        NAVIGATION as NAVIGATION,
        WARPED as WARPED,
        RealPair as RealPair,
        find_pairs as find_pairs,
        judge_pair as judge_pair,
        navigation_files as navigation_files,
        pairs_table as pairs_table,
    )
    from .registration_by_method import (
        compare_registrations as compare_registrations,
        read_registrations as read_registrations,
    )
    from .registration_table import (
        SINGLE as SINGLE,
        TABLE as TABLE,
        WORDS as WORDS,
        Method as Method,
        evaluate as evaluate,
        methods as methods,
        summary as summary,
        words as words,
        write_csv as write_csv,
    )
    from .retention import (
        CONTROL as CONTROL,
        RETENTION_TARGETS as RETENTION_TARGETS,
        TRUE as TRUE,
        Outlining as Outlining,
        control as control,
        has_lesion as has_lesion,
        outlinings as outlinings,
        retention_table as retention_table,
    )
    from .syntheses import (
        SPACING as SPACING,
        RunSynthesiser as RunSynthesiser,
        SynthesisedCase as SynthesisedCase,
        Synthesiser as Synthesiser,
        Synthesises as Synthesises,
        load_case as load_case,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

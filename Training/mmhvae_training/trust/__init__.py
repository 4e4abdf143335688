"""The calibration of trust: trials with known truth, some of them set up to fail, the fit, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .benchmark import load_benchmark as load_benchmark
    from .figure import draw as draw
    from .fit import restated as restated, witnesses_of as witnesses_of
    from .inputs import head_files as head_files
    from .report import (
        read_report as read_report,
        read_rows as read_rows,
        ship as ship,
        write_report as write_report,
        write_rows as write_rows,
    )
    from .run import (
        TRIAL_SHAPE as TRIAL_SHAPE,
        Source as Source,
        key_of as key_of,
        part_of as part_of,
        planned as planned,
        rows_of as rows_of,
        run_all as run_all,
        simulated_cases as simulated_cases,
    )
    from .trials import TEMPLATE as TEMPLATE
else:
    __getattr__ = lazy_names(__name__, __file__)

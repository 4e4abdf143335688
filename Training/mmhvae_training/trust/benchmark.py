"""The registration benchmark's cases (`Testing/benchmarks/registration_cases.py`), loaded by path, as trials."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mmhvae.images import flip_points, image_in_ras
from mmhvae.registration import CasePairs, Channel
from mmhvae.settings import RegistrationSettings

from .inputs import Setup
from .trials import BENCHMARK, BENCHMARK_FITTED, BENCHMARK_REPORTED, Trial

LANDMARKS = 200
MakeCase = Callable[[str, int, int], Any]


def load_benchmark(path: Path) -> MakeCase:
    """The function that makes a case of pair, range and repeat."""
    specification = importlib.util.spec_from_file_location("registration_cases", path)
    assert specification is not None
    assert specification.loader is not None
    module: ModuleType = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    make: MakeCase = module.make_case
    return make


def benchmark_trials(report: bool) -> list[Trial]:
    """Their repeats differ between calibration and report, so that no case is in both."""
    pairs = BENCHMARK_REPORTED if report else BENCHMARK_FITTED
    return [Trial(f"{pair}-{reach}-{repeat}", BENCHMARK, ("t1",), (0.0, 0.0)) for pair, reach, repeat in pairs]


def set_up_benchmark(trial: Trial, make: MakeCase) -> Setup:
    """One pair: no ultrasound, one contrast, signed only where both images have the same one."""
    pair, reach, repeat = trial.case.split("-")
    case = make(pair, int(reach), int(repeat))
    points = case.pts[:: max(1, len(case.pts) // LANDMARKS)]
    fixed, mask = image_in_ras(case.fixed, case.fixed_affine), image_in_ras(case.fixed_mask, case.fixed_affine)
    moving, inside = image_in_ras(case.moving, case.moving_affine), image_in_ras(case.moving_mask, case.moving_affine)
    there = points @ case.T_true[:3, :3].T + case.T_true[:3, 3]
    channel = Channel(fixed, moving, mask, inside, signed=pair == "same", name="T1")
    pairs = CasePairs((channel,), None, mask, None, RegistrationSettings(prior=trial.prior))
    return Setup(pairs, flip_points(points), flip_points(there))

"""A baseline out of its run's folder, with averaged weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmhvae.exceptions import InputError

from .configuration import M2DNConfig, MMGANConfig, ResViTConfig
from .method import Baseline
from .methods import new_baseline

KINDS = {"mm-gan": MMGANConfig, "resvit": ResViTConfig, "m2dn": M2DNConfig}


def load_baseline(checkpoint: Mapping[str, Any], weights: Mapping[str, Any]) -> Baseline[Any]:
    """The method that ``checkpoint`` describes, with the average that ``weights`` holds, in evaluation mode.

    Raises:
        InputError: the method is unknown, or the weights are of another network.
    """
    kind = KINDS.get(checkpoint["method"])
    if kind is None:
        raise InputError(
            f"The run is of the method {checkpoint['method']}, which this version does not know; give another."
        )
    try:
        settings = kind(**checkpoint["settings"])
        baseline = new_baseline(settings, tuple(checkpoint["architecture"]["modalities"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("The run's settings are not those of this version's method; train it again.") from error
    try:
        baseline.network.load_state_dict(weights["average"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise InputError("The weights are of another network than this run's; give its own.") from error
    return replace(baseline, network=baseline.network.eval())

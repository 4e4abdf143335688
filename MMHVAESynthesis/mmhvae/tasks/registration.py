"""What the engine does for registration: a pair of files, and a whole case with a verdict on the result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from ..compute import MEMORY_FULL, choose_device, where_it_fits
from ..exceptions import InputError, Progress
from ..images import field_of_view, modality, read_transform, read_volume, to_rigid_matrix, write_transform
from ..registration import Channel, PosePrior, RigidResult, Trust, assess, register_channels, register_rigid
from .context import Context
from .parameters import Parameters

Answer = dict[str, Any]

#: Shares of a case's progress that reading its images takes, and that is done when the registration ends.
READ, REGISTERED = 0.05, 0.55


def run_register(parameters: Parameters, context: Context) -> Answer:
    """The rigid transform, fixed points -> moving points in LPS mm, as a file and as 16 numbers."""
    started = time.monotonic()
    fixed_path, moving_path = parameters.required_path("fixed"), parameters.required_path("moving")
    masks = [parameters.path(name) for name in ("fixed_mask", "moving_mask")]
    initial_path, device = parameters.path("initial"), parameters.text("device", "auto")
    signed, preview = parameters.flag("same_contrast"), parameters.flag("preview")
    parameters.finish()
    chosen = choose_device(device)
    fixed, moving = read_volume(fixed_path, "fixed image"), read_volume(moving_path, "moving image")
    fixed_mask, moving_mask = (read_volume(path, "mask") if path else None for path in masks)
    initial = read_transform(initial_path) if initial_path else None

    def on(where: torch.device) -> RigidResult:
        return register_rigid(
            fixed, moving, fixed_mask, moving_mask, initial, str(where), context.progress,
            signed=signed, preview=preview,
        )  # fmt: skip

    result, used = where_it_fits(on, chosen, context.progress)
    return _described(result, context) | {
        "device": str(used),
        "seconds": time.monotonic() - started,
        "notice": MEMORY_FULL if used != chosen else "",
    }


@dataclass(frozen=True)
class _Case:
    """The images of a case, all of them in one space, LPS mm."""

    channels: tuple[Channel, ...]
    is_direct: bool
    ultrasound: sitk.Image
    ultrasound_mask: sitk.Image
    initial: sitk.Transform
    prior: PosePrior | None


def run_register_case(parameters: Parameters, context: Context) -> Answer:
    """The pose of a patient's pre-operative MRs on the ultrasound, by way of synthetic MRs, and a verdict on it.

    Without synthetic images ("fixed") the ultrasound itself is registered, by LC2. The transform, also as 16 numbers
    row by row ("matrix"), takes points of the ultrasound to points of the MRs, LPS mm.
    """
    started = time.monotonic()
    paths = {name: parameters.paths(name) for name in ("fixed", "uncertainty", "moving")}
    ultrasound, initial = parameters.required_path("ultrasound"), parameters.numbers("initial", 16)
    prior, preview, device = _prior(parameters), parameters.flag("preview"), parameters.text("device", "auto")
    parameters.finish()
    chosen = choose_device(device)
    _check(paths)
    case = _read(paths, ultrasound, _transform(initial), prior, _share(context.progress, 0.0, READ))

    def on(where: torch.device) -> tuple[RigidResult, Trust]:
        result = register_channels(
            case.channels, case.initial, str(where), _share(context.progress, READ, REGISTERED), preview=preview,
            prior=case.prior, metric="lc2" if case.is_direct else "correlation",
        )  # fmt: skip
        judging = _share(context.progress, REGISTERED, 1.0)
        return result, assess(
            case.channels, result, case.initial, case.ultrasound, case.ultrasound_mask, case.prior, str(where), judging
        )

    (result, trust), used = where_it_fits(on, chosen, context.progress)
    return (
        _described(result, context)
        | _judged(trust)
        | {
            "device": str(used),
            "seconds": time.monotonic() - started,
            "notice": MEMORY_FULL if used != chosen else "",
        }
    )


def _prior(parameters: Parameters) -> PosePrior | None:
    given = parameters.group("prior")
    if given is None:
        return None
    prior = PosePrior(given.number("translation_mm", 0.0), given.number("rotation_deg", 0.0))
    given.finish()
    return prior


def _check(paths: Mapping[str, Mapping[str, Path]]) -> None:
    """Refuse images without a counterpart before anything is read."""
    moving, fixed = paths["moving"], paths["fixed"]
    if not moving:
        raise InputError("There is no pre-operative MR to register; give at least one.")
    for name in moving:
        if not modality(name).is_mr:
            raise InputError(f"The moving image {name} is no MR; give t2, cet1 or flair.")
    if fixed and fixed.keys() != moving.keys():
        raise InputError("The synthetic images are not those of the MRs; give a pair of each contrast.")
    if not paths["uncertainty"].keys() <= fixed.keys():
        raise InputError("There is an uncertainty without its synthetic image; give both.")


def _read(
    paths: Mapping[str, Mapping[str, Path]],
    ultrasound_path: Path,
    initial: sitk.Transform,
    prior: PosePrior | None,
    progress: Progress,
) -> _Case:
    progress(0.0, "reading the images")
    ultrasound = read_volume(ultrasound_path, "ultrasound")
    mask = field_of_view(ultrasound)
    channels = []
    for number, (name, path) in enumerate(paths["moving"].items()):
        progress(number / len(paths["moving"]), "reading the images")
        shown = modality(name).name
        moving = read_volume(path, f"pre-operative {shown}")
        if not paths["fixed"]:
            channels.append(Channel(ultrasound, moving, mask, name=name))
            continue
        fixed, deviation = read_volume(paths["fixed"][name], f"synthetic {shown}"), paths["uncertainty"].get(name)
        uncertainty = read_volume(deviation, f"uncertainty of {shown}") if deviation is not None else None
        channels.append(Channel(fixed, moving, mask, signed=True, uncertainty=uncertainty, name=name))
    return _Case(tuple(channels), not paths["fixed"], ultrasound, mask, initial, prior)


def _transform(numbers: list[float] | None) -> sitk.Transform:
    """A transform of 16 numbers, row by row; the identity where there are none."""
    transform = sitk.AffineTransform(3)
    if numbers is not None:
        matrix = np.reshape(np.array(numbers, np.float64), (4, 4))
        transform.SetMatrix(matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(matrix[:3, 3].tolist())
    return transform


def _described(result: RigidResult, context: Context) -> Answer:
    context.folder.mkdir(mode=0o700, exist_ok=True)
    path = context.folder / "transform.tfm"
    write_transform(result.transform, path)
    return {
        "transform": str(path),
        "matrix": to_rigid_matrix(result.transform).ravel().tolist(),
        "similarity_before": result.similarity_before,
        "similarity_after": result.similarity_after,
        "converged": result.converged,
    }


def _judged(trust: Trust) -> Answer:
    """JSON knows no infinities; evidence that is none is left out."""
    expected = trust.expected_error_mm
    return {
        "verdict": trust.verdict,
        "expected_error_mm": expected if math.isfinite(expected) else None,
        "reason": trust.reason,
        "evidence": {name: float(value) for name, value in trust.evidence.items() if math.isfinite(value)},
        "moved_mm": trust.moved_mm,
        "moved_deg": trust.moved_deg,
    }


def _share(progress: Progress, start: float, end: float) -> Progress:
    return lambda fraction, message: progress(start + (end - start) * fraction, message)


REGISTRATION_TASKS: Mapping[str, Callable[[Parameters, Context], Answer]] = {
    "register": run_register,
    "register_case": run_register_case,
}

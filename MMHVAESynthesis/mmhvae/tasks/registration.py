"""What the engine does for registration: a whole case by files, and a verdict on the result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from ..answers import RegistrationAnswer
from ..compute import MEMORY_FULL, choose_device, where_it_fits
from ..exceptions import InputError, Progress, part_of
from ..images import field_of_view, modality, read_volume, to_rigid_matrix, write_transform
from ..registration import Channel, RigidResult, Trust, assess, register_channels
from ..settings import RegistrationSettings
from .context import Context
from .parameters import Parameters

#: Shares of a case's progress that reading its images takes, and that is done when the registration ends.
READ, REGISTERED = 0.05, 0.55


@dataclass(frozen=True)
class _Case:
    """The images of a case, all of them in one space, LPS mm."""

    channels: tuple[Channel, ...]
    ultrasound: sitk.Image
    ultrasound_mask: sitk.Image
    initial: sitk.Transform


def run_register_case(parameters: Parameters, context: Context) -> RegistrationAnswer:
    """The pose of a patient's pre-operative MRs on the ultrasound, by way of synthetic MRs, and a verdict on it.

    The synthetic images are "fixed"; where the method is "direct", the ultrasound itself is, by LC2. The transform,
    also as 16 numbers row by row ("matrix"), takes points of the ultrasound to points of the MRs, LPS mm.
    """
    started = time.monotonic()
    paths = {name: parameters.paths(name) for name in ("fixed", "uncertainty", "moving")}
    ultrasound, initial = parameters.required_path("ultrasound"), parameters.numbers("initial", 16)
    settings, device = parameters.settings(RegistrationSettings), parameters.text("device", "auto")
    parameters.finish()
    chosen, is_direct = choose_device(device), settings.method == "direct"
    _check(paths, is_direct)
    case = _read(paths, ultrasound, _transform(initial), part_of(context.progress, 0.0, READ))

    def on(where: torch.device) -> tuple[RigidResult, Trust]:
        result = register_channels(
            case.channels, case.initial, str(where), part_of(context.progress, READ, REGISTERED),
            preview=settings.preview, prior=settings.prior, metric="lc2" if is_direct else "correlation",
        )  # fmt: skip
        judging = part_of(context.progress, REGISTERED, 1.0)
        return result, assess(
            case.channels, result, case.initial, case.ultrasound, case.ultrasound_mask, settings.prior, str(where),
            judging,
        )  # fmt: skip

    (result, trust), used = where_it_fits(on, chosen, context.progress)
    notice, seconds = MEMORY_FULL if used != chosen else "", time.monotonic() - started
    return _answer(result, trust, used, settings, context, notice=notice, seconds=seconds)


def _check(paths: Mapping[str, Mapping[str, Path]], is_direct: bool) -> None:
    """Refuse images without a counterpart before anything is read."""
    moving, fixed = paths["moving"], paths["fixed"]
    if not moving:
        raise InputError("There is no pre-operative MR to register; give at least one.")
    for name in moving:
        if not modality(name).is_mr:
            raise InputError(f"The moving image {name} is no MR; give t2, cet1 or flair.")
    if not is_direct and fixed.keys() != moving.keys():
        raise InputError("The synthetic images are not those of the MRs; give a pair of each contrast.")
    if not paths["uncertainty"].keys() <= fixed.keys():
        raise InputError("There is an uncertainty without its synthetic image; give both.")


def _read(
    paths: Mapping[str, Mapping[str, Path]],
    ultrasound_path: Path,
    initial: sitk.Transform,
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
    return _Case(tuple(channels), ultrasound, mask, initial)


def _transform(numbers: list[float] | None) -> sitk.Transform:
    """A transform of 16 numbers, row by row; the identity where there are none."""
    transform = sitk.AffineTransform(3)
    if numbers is not None:
        matrix = np.reshape(np.array(numbers, np.float64), (4, 4))
        transform.SetMatrix(matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(matrix[:3, 3].tolist())
    return transform


def _answer(
    result: RigidResult, trust: Trust, used: torch.device, settings: RegistrationSettings, context: Context, **more: Any
) -> RegistrationAnswer:
    """JSON knows no infinities; evidence that is none is left out."""
    context.folder.mkdir(mode=0o700, exist_ok=True)
    path = context.folder / "transform.tfm"
    write_transform(result.transform, path)
    expected = trust.expected_error_mm
    return RegistrationAnswer(
        transform=str(path),
        matrix=tuple(to_rigid_matrix(result.transform).ravel().tolist()),
        similarity_before=result.similarity_before,
        similarity_after=result.similarity_after,
        converged=result.converged,
        verdict=trust.verdict,
        expected_error_mm=expected if math.isfinite(expected) else None,
        reason=trust.reason,
        evidence={name: float(value) for name, value in trust.evidence.items() if math.isfinite(value)},
        moved_mm=trust.moved_mm,
        moved_deg=trust.moved_deg,
        device=str(used),
        settings=settings,
        **more,
    )

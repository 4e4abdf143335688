"""What is told of a registered case: the engine's answer, and the ``verdict.json`` of the command line."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

import SimpleITK as sitk
import torch

from ..answers import CaseReport, RegistrationAnswer, WitnessAnswer
from ..images import to_rigid_matrix
from ..version import __version__
from .case import CaseResult
from .trust import witnessed

CALIBRATION = "Trust was judged by simulations; no calibration on patients exists."
INTENDED_USE = "Research only. Not approved for clinical use."


def answer_of(result: CaseResult, transform: str) -> RegistrationAnswer:
    """The result in plain values; ``transform`` is its file. JSON knows no infinities: such evidence is left out."""
    trust, expected = result.trust, result.trust.expected_error_mm
    return RegistrationAnswer(
        transform=transform,
        matrix=tuple(to_rigid_matrix(result.transform).ravel().tolist()),
        similarity_before=result.registration.similarity_before,
        similarity_after=result.registration.similarity_after,
        converged=result.registration.converged,
        verdict=trust.verdict,
        expected_error_mm=expected if math.isfinite(expected) else None,
        reason=trust.reason,
        evidence={name: float(value) for name, value in trust.evidence.items() if math.isfinite(value)},
        witnesses=tuple(
            WitnessAnswer(each.name, each.distance_mm, each.margin, each.weight, each.agrees)
            for each in trust.witnesses
        ),
        witnessed=witnessed(trust.witnesses),
        moved_mm=trust.moved_mm,
        moved_deg=trust.moved_deg,
        device=result.device,
        seconds=result.seconds,
        notice=result.notice,
        settings=result.settings,
        region_share=result.region_share,
    )


def report_of(
    result: CaseResult,
    transform: str,
    contrasts: Sequence[str],
    moved_along: Sequence[str],
    made: datetime,
    region: str = "",
) -> CaseReport:
    """All that a report has to say of a case.

    Args:
        result: of the registration.
        transform: name of its file.
        contrasts: modalities that took part.
        moved_along: names of the files that were written with it.
        made: when.
        region: name of the file that told which part of the ultrasound counts, "" for all of it.
    """
    answer, frames = answer_of(result, transform), result.reconstruction
    return CaseReport(
        **{each.name: getattr(answer, each.name) for each in fields(answer)},
        contrasts=tuple(contrasts),
        model=result.model.name if result.model is not None else "",
        weights_sha256=result.model.weights_sha256 if result.model is not None else "",
        ultrasound_size=tuple(result.ultrasound.GetSize()),
        ultrasound_spacing_mm=tuple(result.ultrasound.GetSpacing()),
        frames_used=frames.frames_used if frames is not None else None,
        frames_dropped=frames.frames_dropped if frames is not None else None,
        why_dropped=frames.why_dropped if frames is not None else "",
        moved_along=tuple(moved_along),
        region=region,
        made=made.isoformat(timespec="seconds"),
        versions={
            "MMHVAE": __version__,
            "PyTorch": torch.__version__,
            "SimpleITK": sitk.Version.VersionString(),
            "Python": platform.python_version(),
        },
        calibration=CALIBRATION,
        intended_use=INTENDED_USE,
    )

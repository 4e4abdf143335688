"""The main job on the shipped, simulated case: reconstruct the sweep, synthesise the missing MR, bring the displaced
MR back.

Every number it prints is simulated: the case's truth is known because it was made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..bundle import demo_case, load_bundle
from ..exceptions import Progress, no_progress, part_of
from ..files import write_text
from ..images import (
    MR_MODALITIES,
    WhiteMatter,
    constant_psnr,
    estimate_white_matter,
    harmonise_target,
    image_on,
    open_image,
    psnr,
    read_transform,
    read_volume,
    resampled,
    ssim,
    to_slices,
    to_unit,
    write_transform,
    write_volumes,
)
from ..registration import CaseResult, read_markups, register_case, target_registration_error
from ..settings import RegistrationSettings, Route, SynthesisSettings
from ..sweep import Reconstruction, Sweep, read_calibration, read_sweep, reconstruct
from ..synthesis import SynthesisResult, synthesize
from .figure import StoryFigure, can_draw, draw_story

TARGETS = MR_MODALITIES
#: As everywhere, but along all three slicing axes: nobody waits at an operating table.
SETTINGS = RegistrationSettings(synthesis=SynthesisSettings(slice_axis="all"))
T = TypeVar("T")


@dataclass(frozen=True)
class DemoCase:
    """The shipped case; images in LPS mm, ``truth`` maps ultrasound points to pre-operative MR points."""

    sweep: Sweep
    preop: dict[str, sitk.Image]
    tumour: sitk.Image
    landmarks: NDArray[np.float64]
    truth: sitk.Transform


def load_demo_case() -> DemoCase:
    """Read the case that ships with the software."""
    folder = demo_case()
    return DemoCase(
        sweep=read_sweep(folder / "sweep.igs.mha", read_calibration(str(folder / "image-to-probe.txt"))),
        preop={name: read_volume(folder / f"preop-{name}.nii.gz", name) for name in TARGETS},
        tumour=open_image(folder / "preop-tumour.nii.gz", "tumour"),
        landmarks=read_markups(folder / "landmarks.mrk.json"),
        truth=read_transform(folder / "us-to-preop.tfm"),
    )


@dataclass(frozen=True)
class _Work:
    """What was made of the case, and how long each step took."""

    volume: Reconstruction
    synthesis: SynthesisResult
    through: CaseResult  # the MRs onto the synthetic ones
    direct: CaseResult  # the MRs onto the ultrasound itself
    seconds: dict[str, float]


def run_demo(output: Path, progress: Progress = no_progress) -> dict[str, Any]:
    """Run the job, write volumes, transform, figure and ``summary.json`` into ``output``, and return the summary.

    Raises:
        InputError: the output cannot be written.
    """
    seconds: dict[str, float] = {}
    case = _timed(seconds, "read", load_demo_case)
    work = _work_through(case, seconds, progress)
    white_matter = {name: estimate_white_matter(case.preop[name], name) for name in TARGETS}
    truths = {name: _truth(case, work.volume.volume, name, white_matter[name].median) for name in TARGETS}
    summary = _summary(case, work, truths, white_matter)
    _write(output, case, work, truths, summary)
    return summary


def _work_through(case: DemoCase, seconds: dict[str, float], progress: Progress) -> _Work:
    """Sweep to volume, volume to synthetic MR, and the displaced MRs back onto both."""

    def reconstructed() -> Reconstruction:
        return reconstruct(case.sweep, progress=part_of(progress, 0, 0.1))

    def synthesised() -> SynthesisResult:
        part = part_of(progress, 0.1, 0.7)
        return synthesize(bundle, {"us": volume.volume}, TARGETS, progress=part, settings=SETTINGS.synthesis)

    def registered(method: Route, start: float, end: float) -> CaseResult:
        settings, part = replace(SETTINGS, method=method), part_of(progress, start, end)
        return register_case(volume.volume, case.preop, bundle, settings, progress=part, synthetic=synthesis)

    volume = _timed(seconds, "reconstruction", reconstructed)
    bundle = load_bundle()
    synthesis = _timed(seconds, "synthesis", synthesised)
    through = _timed(seconds, "registration_synthesis", lambda: registered("synthesis", 0.7, 0.85))
    direct = _timed(seconds, "registration_direct", lambda: registered("direct", 0.85, 1.0))
    return _Work(volume, synthesis, through, direct, seconds)


def _summary(
    case: DemoCase, work: _Work, truths: dict[str, sitk.Image], white_matter: dict[str, WhiteMatter]
) -> dict[str, Any]:
    return {
        "simulated": True,
        "sweep": {"frames_used": work.volume.frames_used, "frames_dropped": work.volume.frames_dropped},
        "tre_mm": {
            "before": _tre(case, sitk.Euler3DTransform()),
            "direct": _tre(case, work.direct.transform),
            "synthesis": _tre(case, work.through.transform),
        },
        "trust": {
            "verdict": work.through.trust.verdict,
            "expected_error_mm": round(work.through.trust.expected_error_mm, 2),
            "reason": work.through.trust.reason,
        },
        "targets": {name: _quality(work.synthesis, truths[name], name) for name in TARGETS},
        "white_matter": {name: {"median": w.median, "method": w.method} for name, w in white_matter.items()},
        "seconds": {name: round(value, 2) for name, value in work.seconds.items()},
        "device": work.synthesis.device,
        "precision": work.synthesis.precision,
    }


def summary_table(summary: dict[str, Any]) -> str:
    """The summary for people: every number marked as simulated."""
    sweep = summary["sweep"]
    lines = [
        f"Tracked sweep: {sweep['frames_used']} frames, {sweep['frames_dropped']} dropped (simulated case)",
        "Synthesis from ultrasound alone (simulated case)",
        f"  {'target':8}{'PSNR':>10}{'constant':>12}{'SSIM':>8}",
    ]
    for name, values in summary["targets"].items():
        row = f"  {name:8}{values['psnr']:>7.1f} dB{values['constant_psnr']:>9.1f} dB{values['ssim']:>8.2f}"
        lines.append(f"{row}   simulated")
    lines += ["Mean error at the landmarks, TRE (simulated case)"]
    words = {"before": "before", "direct": "MRs onto ultrasound", "synthesis": "MRs onto synthetic MRs"}
    lines += [f"  {word:22}{summary['tre_mm'][key]:>8.2f} mm   simulated" for key, word in words.items()]
    trust = summary["trust"]
    told = f"{trust['verdict']}, expected error {trust['expected_error_mm']:.1f} mm. {trust['reason']}"
    lines += [f"Verdict on the registration through synthetic MRs (simulated case): {told}"]
    lines += ["Seconds (simulated case)"]
    lines += [f"  {name:24}{value:>8.1f}" for name, value in summary["seconds"].items()]
    return "\n".join(lines)


def _timed(seconds: dict[str, float], name: str, work: Callable[[], T]) -> T:
    started = time.monotonic()
    result = work()
    seconds[name] = time.monotonic() - started
    return result


def _tre(case: DemoCase, transform: sitk.Transform) -> float:
    moving = np.array([case.truth.TransformPoint(point) for point in case.landmarks.tolist()])
    return round(float(target_registration_error(transform, case.landmarks, moving).mean()), 3)


def _truth(case: DemoCase, us: sitk.Image, name: str, median: float) -> sitk.Image:
    """The true MR on the ultrasound's grid, harmonised to [0, 1] by its white matter's median."""
    image = case.preop[name]
    unit = to_unit(harmonise_target(sitk.GetArrayFromImage(image), name, median))
    return sitk.Resample(image_on(unit, image), us, case.truth, sitk.sitkLinear, 0.0)


def _quality(result: SynthesisResult, truth: sitk.Image, name: str) -> dict[str, float]:
    image, true, mask = (
        to_slices(sitk.GetArrayFromImage(x), 2) for x in (result.images[name], truth, result.field_of_view != 0)
    )
    inside = mask.astype(bool)
    true = np.where(inside, true, 0).astype(np.float32)
    values = {
        "psnr": psnr(image, true, inside),
        "ssim": ssim(image, true, inside),
        "constant_psnr": constant_psnr(true, inside),
    }
    return {key: round(value, 3) for key, value in values.items()}


def _write(output: Path, case: DemoCase, work: _Work, truths: dict[str, sitk.Image], summary: dict[str, Any]) -> None:
    us, result, transform = work.volume.volume, work.synthesis, work.through.transform
    registered = sitk.Resample(case.preop["t2"], us, transform, sitk.sitkLinear, 0.0)
    tumours = {
        "true": sitk.Resample(case.tumour, us, case.truth, sitk.sitkNearestNeighbor, 0.0),
        "before": resampled(case.tumour, us, nearest=True),
        "after": sitk.Resample(case.tumour, us, transform, sitk.sitkNearestNeighbor, 0.0),
    }
    volumes = {"us": us, "preop-t2-registered": registered, "tumour-registered": tumours["after"]}
    volumes |= {name: result.images[name] for name in TARGETS}
    volumes |= {f"{name}-uncertainty": result.uncertainty[name] for name in TARGETS}
    write_volumes({output / f"{name}.nii.gz": image for name, image in volumes.items()})
    write_transform(transform, output / "us-to-preop.tfm")
    write_text(json.dumps(summary, indent=2) + "\n", output / "summary.json")
    if can_draw():
        draw_story(StoryFigure(us, result, truths, tumours, summary), output / "figure.png")

"""How far a registration's result can be trusted, from what can be known without the truth.

Evidence (:mod:`.evidence`) becomes an expected error in mm and a verdict by a small calibrated model
(:mod:`.model`), and a few vetoes. The calibration saw simulated sweeps, over patients' heads and the MNI template, and
the benchmark only; none on patients' ultrasound exists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from ...answers import Verdict
from ...compute import kept_heap
from ...exceptions import InputError, Progress, no_progress
from ...images import Matrix, apply_matrix, inverse, to_rigid_matrix
from ...settings import Metric, PosePrior
from .. import volumes
from ..channels import Channel
from ..rigid import ALIKE, RigidResult
from .evidence import Evidence, collect, mask_of
from .model import TrustModel, shipped_model
from .reasons import LOST, advised, reason, shown, yet
from .witnesses import Witness, is_known_weak, support

#: A result with less of the field of view inside the MR has failed; with less than the second it is never good.
FAILED_OVERLAP, DOUBTFUL_OVERLAP = 0.2, 0.4
#: A result this many standard deviations of the prior away from the start is never good. Registered with that prior
#: hardly any gets there (1.8 at most in trust's trials); one that was put there otherwise may.
IMPROBABLE = 3.0
#: Where no two contrasts, each alone, agree better than this (mm), the result is never good.
DISAGREEING = 5.0
#: Two routes that know different things confirm a result where they end within this many mm of it, or of each other.
#: One route, however often it agrees with itself, confirms nothing: LC2 alone, or one contrast alone, is never good.
CONFIRMING = 3.0
#: So many witnesses, each alone, have to end where the result is, for it to be good; that LC2 does while the contrast's
#: own search ends elsewhere is one. (Where none was heard, CONFIRMING decides.)
NEEDED = 2
UNCONFIRMED = "Only one route leads here, and nothing independent of it confirms that; look before you use it."
#: About how many points stand for the field of view.
POINTS = 2000


@dataclass(frozen=True)
class Trust:
    """How far a result can be trusted.

    Attributes:
        verdict: "good", "check" (look before you use it) or "failed" (do not use it).
        expected_error_mm: mean error over the field of view to be expected.
        reason: the deciding evidence in one plain sentence.
        evidence: what was found, by name; distances end in ``_mm``.
        witnesses: what each route to the result says by itself.
        moved_mm: median distance between where start and result take the field of view.
        moved_deg: angle between start and result.
    """

    verdict: Verdict
    expected_error_mm: float
    reason: str
    evidence: dict[str, float]
    moved_mm: float
    moved_deg: float
    witnesses: tuple[Witness, ...] = ()


def assess(
    channels: Sequence[Channel],
    result: RigidResult,
    initial: sitk.Transform | None = None,
    ultrasound: sitk.Image | None = None,
    ultrasound_mask: sitk.Image | None = None,
    prior: PosePrior | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    metric: Metric = "correlation",
) -> Trust:
    """Judge the result of a registration of these channels.

    Args:
        channels: as they were registered: synthetic images and MRs, or the ultrasound itself and MRs.
        result: of their registration.
        initial: where it started, fixed points -> moving points in LPS mm; the identity by default.
        ultrasound: the real iUS, for a second opinion by LC2; without it trust is lower.
        ultrasound_mask: its field of view; by default :func:`mmhvae.images.field_of_view`.
        prior: how far the start may be off; without one the distance moved says nothing.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called between the steps; what it raises stops the work.
        metric: by which they were registered.

    Raises:
        InputError: images or masks cannot be used.
    """
    model = shipped_model()
    return judge(model, channels, result, initial, ultrasound, ultrasound_mask, prior, device, progress, metric)


@kept_heap()
def judge(
    model: TrustModel,
    channels: Sequence[Channel],
    result: RigidResult,
    initial: sitk.Transform | None,
    ultrasound: sitk.Image | None,
    ultrasound_mask: sitk.Image | None,
    prior: PosePrior | None,
    device: str,
    progress: Progress | None,
    metric: Metric = "correlation",
) -> Trust:
    """:func:`assess` with another model than the shipped one."""
    progress = progress or no_progress
    progress(0.0, "Judging the result")
    points = _field_points(channels[0])
    moved = _moved(result.transform, initial, points)
    covered = [_covered(channel, result.transform) for channel in channels]
    least = int(np.argmin(covered))
    if covered[least] < FAILED_OVERLAP:
        found = Evidence({"overlap": covered[least]})
        sentence = f"Only {100 * covered[least]:.0f} % of the ultrasound lies inside the {shown(channels[least].name)}."
        progress(1.0, "Judged")
        return Trust("failed", worst_error(model), sentence, found.values, *moved)
    found = collect(channels, result, initial, ultrasound, ultrasound_mask, device, progress, metric)
    found.values |= {
        "overlap": min(covered),
        "converged": float(result.converged),
        "similarity_gain": result.similarity_after - result.similarity_before,
    }
    if not all(channel.signed for channel in channels):
        found.values["unsynthesised"] = 1.0
    if prior is not None:
        found.values["prior_deviations"] = _deviations(prior, result.transform, initial, points)
    verdict, expected, sentence = conclude(model, found)
    if all(channel.signed for channel in channels):  # a contrast is compared with itself, so that it can be another
        sentence = advised(sentence, found, verdict)
    progress(1.0, "Judged")
    return Trust(verdict, expected, sentence, found.values, *moved, witnesses=tuple(found.witnesses))


def conclude(model: TrustModel, found: Evidence) -> tuple[Verdict, float, str]:
    """Verdict, expected error (mm) and reason: the model's, unless witnesses carry the result or a veto stops it."""
    alone = model.expected_error(found.values)
    expected = min(alone, carried_mm(model, found))
    verdict = model.verdict(expected)
    sentence, is_saved = reason(model, found, verdict), verdict != model.verdict(alone) == "failed"
    plain = replace(found, witnesses=[witness for witness in found.witnesses if witness.margin >= LOST])
    is_excused = is_known_weak(found.witnesses, found.weakest) and supported(model, plain) == "good"
    objection = veto(found.values, supported(model, found) == "good", is_excused)
    if objection is not None and verdict != "failed":
        least, sentence = objection
        bound = model.failed_mm if least == "failed" else model.good_mm
        verdict, expected = least if verdict == "good" or least == "failed" else verdict, max(expected, bound)
    return verdict, expected, yet(found.witnesses, sentence) if is_saved and verdict == "check" else sentence


def carried_mm(model: TrustModel, found: Evidence) -> float:
    """The error (mm) that the witnesses' word leaves to expect; infinite where it does not carry the result.

    Where it carries no further than to a look, no less than what is still to be looked at.
    """
    said = found.values.get("weighed_witnesses_mm", math.inf)
    return {"good": said, "check": max(said, model.good_mm)}.get(supported(model, found), math.inf)


def supported(model: TrustModel, found: Evidence) -> str:
    """See :func:`.witnesses.support`; the one route that led to a result without synthesis is no witness of it."""
    if found.values.get("unsynthesised"):
        return ""
    return support(found.witnesses, model.heard, model.convincing)


def veto(values: dict[str, float], is_confirmed: bool = False, is_excused: bool = False) -> tuple[Verdict, str] | None:
    """The best verdict that hard facts leave, and why; None where nothing stands against the result.

    Args:
        values: the evidence.
        is_confirmed: witnesses of weight confirm the result, whatever a weak contrast says.
        is_excused: so do those alone that are not lost themselves, and a contrast that is lost is known to be weak.
    """
    if values["overlap"] < FAILED_OVERLAP:
        return "failed", f"Only {100 * values['overlap']:.0f} % of the ultrasound lies inside the MR."
    if values["similarity_gain"] < -ALIKE:
        return "check", "The images match less well at the result than at the start."
    if values["overlap"] < DOUBTFUL_OVERLAP:
        return "check", f"Only {100 * values['overlap']:.0f} % of the ultrasound lies inside the MR."
    if not values["converged"]:
        return "check", "The registration did not come to rest."
    if values.get("nearest_contrasts_mm", 0.0) > DISAGREEING and not is_confirmed:
        return "check", f"No two contrasts agree better than by {values['nearest_contrasts_mm']:.1f} mm."
    if not is_confirmed and (confirmed_mm(values) > CONFIRMING or values.get("agreeing_witnesses", NEEDED) < NEEDED):
        return "check", UNCONFIRMED
    if values.get("weakest_margin", math.inf) < LOST and not is_excused:
        return "check", "One MR fits hardly better here than at random positions; check that it is what it is named."
    if values.get("prior_deviations", 0.0) > IMPROBABLE:
        return "check", "The result lies farther from the navigation's position than its stated accuracy allows."
    return None


def confirmed_mm(values: dict[str, float]) -> float:
    """Within how many mm two independent routes agree: two synthetic contrasts, or synthesis and LC2.

    Infinite where there is one route only, as without synthesis: several MRs under one LC2 are one route.
    """
    if values.get("unsynthesised"):
        return math.inf
    return min(values.get(name, math.inf) for name in ("nearest_contrasts_mm", "ultrasound_disagreement_mm"))


def worst_error(model: TrustModel) -> float:
    """Millimetres expected where all evidence is as bad as it gets."""
    return math.exp(model.intercept + sum(term.weight for term in model.terms))


def _covered(channel: Channel, transform: sitk.Transform) -> float:
    """The share of the field of view that ``transform`` takes into the moving image's mask."""
    moving = channel.moving
    volumes.check_image(moving, channel.called("moving image"))
    mask = volumes.without_background(moving) if channel.moving_mask is None else channel.moving_mask
    points = apply_matrix(to_rigid_matrix(transform), _field_points(channel))
    index = apply_matrix(inverse(volumes.index_to_lps(mask)), points)
    nearest = np.rint(index).astype(int)
    array = sitk.GetArrayViewFromImage(mask)
    inside = ((nearest >= 0) & (nearest < array.shape)).all(axis=1)
    return float((array[tuple(nearest[inside].T)] > 0).sum() / len(points))


def _field_points(channel: Channel) -> Matrix:
    """(N, 3) LPS mm: about ``POINTS`` points of the field of view."""
    mask = mask_of(channel)
    indices = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)
    if len(indices) == 0:
        raise InputError(f"The {channel.called('fixed mask')} is empty; give one that covers the ultrasound.")
    return apply_matrix(volumes.index_to_lps(mask), indices[:: max(1, len(indices) // POINTS)].astype(np.float64))


def _moved(transform: sitk.Transform, initial: sitk.Transform | None, points: Matrix) -> tuple[float, float]:
    """Median distance (mm) and angle (degrees) between start and result."""
    result, start = to_rigid_matrix(transform), np.eye(4) if initial is None else to_rigid_matrix(initial)
    distances = np.linalg.norm(apply_matrix(result, points) - apply_matrix(start, points), axis=1)
    return float(np.median(distances)), _angle(result, start)


def _angle(pose: Matrix, other: Matrix) -> float:
    cosine = (np.trace(pose[:3, :3] @ other[:3, :3].T) - 1) / 2
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def _deviations(prior: PosePrior, transform: sitk.Transform, initial: sitk.Transform | None, points: Matrix) -> float:
    """How far the result is from the start in the prior's standard deviations, the larger of shift and turn."""
    result, start = to_rigid_matrix(transform), np.eye(4) if initial is None else to_rigid_matrix(initial)
    centre = points.mean(axis=0, keepdims=True)
    shift = float(np.linalg.norm(apply_matrix(result, centre) - apply_matrix(start, centre)))
    # A norm of three normal variables is about sqrt(3) deviations long.
    return max(shift / prior.translation_mm, _angle(result, start) / prior.rotation_deg) / math.sqrt(3)

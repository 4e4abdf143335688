"""Why a result is trusted or not, in one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ...answers import Verdict
from ...images import MODALITIES
from .evidence import Evidence
from .model import TrustModel
from .witnesses import ULTRASOUND, Witness

_SENTENCES: Mapping[str, Callable[[Evidence], str]] = {
    "contrast_disagreement_mm": lambda e: (
        f"{shown(e.farthest[0])} and {shown(e.farthest[1])} disagree by {_mm(e, 'contrast_disagreement_mm')}."
    ),
    "nearest_contrasts_mm": lambda e: f"No two contrasts agree better than by {_mm(e, 'nearest_contrasts_mm')}.",
    "half_disagreement_mm": lambda e: f"The two halves of the ultrasound disagree by {_mm(e, 'half_disagreement_mm')}.",
    "start_disagreement_mm": lambda e: (
        f"Registrations from nearby starts end {_mm(e, 'start_disagreement_mm')} away from this one."
    ),
    "rival": lambda e: f"Another position fits {100 * min(e.values['rival'], 1):.0f} % as well as this one.",
    "ultrasound_disagreement_mm": lambda e: (
        f"The ultrasound itself prefers a position {_mm(e, 'ultrasound_disagreement_mm')} away."
    ),
    "ultrasound_margin": lambda e: "The MR fits the ultrasound itself hardly better here than elsewhere.",
    "margin_over_random": lambda e: "The MR fits hardly better here than at random positions.",
    "weakest_margin": lambda e: (
        f"The {shown(e.weakest)} hardly fits its synthetic image; check that it is the {shown(e.weakest)} "
        "of this patient."
    ),
    "similarity": lambda e: f"Synthetic and real images match poorly (correlation {e.values['similarity']:.2f}).",
    "flattest_mm": lambda e: "The match hardly changes when the MR is moved, so its position is loosely held.",
    "overlap": lambda e: f"The MR covers only {100 * e.values['overlap']:.0f} % of the ultrasound.",
    "synthesis_uncertainty": lambda e: "The synthetic images are uncertain.",
    "weighed_witnesses_mm": lambda e: (
        f"The routes, each searching alone and weighed by what it knows, end {_mm(e, 'weighed_witnesses_mm')} away."
    ),
    "second_witness_mm": lambda e: (
        f"No two routes searching alone end nearer to this position than {_mm(e, 'second_witness_mm')}."
    ),
}
_MISSING: Mapping[str, str] = {
    "second_witness_mm": "There is only one route, so that none can confirm it.",
    "contrast_disagreement_mm": "There is only one contrast, so that none can confirm the other.",
    "nearest_contrasts_mm": "There is only one contrast, so that none can confirm the other.",
    "ultrasound_disagreement_mm": "The ultrasound itself could not be compared with the MR.",
    "ultrasound_margin": "The ultrasound itself could not be compared with the MR.",
    "half_disagreement_mm": "Too little of the ultrasound lies inside the MR to compare its two halves.",
}

#: An MR that stands no higher above random positions than this many of their standard deviations may be another
#: contrast than named. Of trust's trials (Training/cards/trust) those named wrongly have less in 44 of 46, those named
#: rightly, within reach and registered to 3 mm, more in 34 of 53: a badly synthesised contrast fits badly, too.
ILL_FITTING = 2.45
#: One that stands no higher than this many is lost by itself: unless others, none of them lost, confirm the result, and
#: its bundle says that it is weak, the result is never good; if so, that is said beside it.
LOST = 1.0
_MIXED_UP = "Check that each MR is the contrast that it is named, and of this patient."


def shown(name: str) -> str:
    """A channel's name as people write it: the modality's, where it is one."""
    return MODALITIES[name].name if name in MODALITIES else name or "MR"


def witnessed(witnesses: Sequence[Witness]) -> str:
    """Which routes, each searching alone, end at the result, and which elsewhere; "" where none was asked."""
    here, elsewhere = (
        _listed([f"{_route(each)} {each.distance_mm:.1f} mm" for each in witnesses if each.agrees == agrees])
        for agrees in (True, False)
    )
    if here:
        return f"Each route searching alone ends here: {here}{f'; elsewhere: {elsewhere} away' if elsewhere else ''}."
    return f"No route searching alone ends here: {elsewhere} away." if elsewhere else ""


def yet(witnesses: Sequence[Witness], objection: str) -> str:
    """What those that agree say for a result, and what else speaks against it."""
    agreeing = _listed([f"{_route(each)} {each.distance_mm:.1f} mm" for each in witnesses if each.agrees])
    return f"Searching alone, {agreeing} from here, outweigh the others. Yet: {objection}"


def _route(witness: Witness) -> str:
    return "the ultrasound itself" if witness.name == ULTRASOUND else shown(witness.name)


def _listed(texts: Sequence[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _mm(evidence: Evidence, name: str) -> str:
    return f"{evidence.values[name]:.1f} mm"


def reason(model: TrustModel, evidence: Evidence, verdict: Verdict) -> str:
    """The piece of evidence that speaks most against the result; for a good one, what speaks for it."""
    if verdict == "good":
        return _agreement(evidence)
    contributions = model.contributions(evidence.values)
    name = max(contributions, key=lambda key: contributions[key])
    if name in evidence.values:
        return _SENTENCES[name](evidence)
    return _MISSING.get(name, "Part of the evidence is missing.")


def advised(sentence: str, found: Evidence, verdict: Verdict) -> str:
    """The sentence, and what the user may have mixed up where an MR is lost, or fits badly and the result is not good.

    Or where it failed and no route of several, each searching alone, ends at it: of trust's trials
    (Training/cards/trust) so did 40 of 68 with another patient's MR and 28 of 46 with another contrast, of those named
    rightly, within reach and registered to 3 mm none of 53.
    """
    fits_badly = found.values.get("weakest_margin", math.inf) < ILL_FITTING
    routes: Sequence[Witness] = found.witnesses if verdict == "failed" else ()
    is_alone = len(routes) > 1 and not any(each.agrees for each in routes)
    if verdict == "good" and found.values.get("weakest_margin", math.inf) < LOST:
        weakest = shown(found.weakest)
        return f"{sentence} The {weakest} itself hardly fits; check that it is the {weakest} of this patient."
    if verdict == "good" or "check that" in sentence or not (fits_badly or is_alone):
        return sentence
    return f"{sentence} {_MIXED_UP}"


def _agreement(evidence: Evidence) -> str:
    agreeing = [witness for witness in evidence.witnesses if witness.agrees]
    if len(agreeing) > 1:
        within = max(witness.distance_mm for witness in agreeing)
        names = _listed([_route(witness) for witness in agreeing])  # contrasts come first
        return f"{names}, each alone, agree within {within:.1f} mm."
    if "nearest_contrasts_mm" in evidence.values:
        first, second = evidence.nearest
        return f"{shown(first)} and {shown(second)}, each alone, agree within {_mm(evidence, 'nearest_contrasts_mm')}."
    return f"Nearby starts all end at this position, {_mm(evidence, 'start_disagreement_mm')} apart."

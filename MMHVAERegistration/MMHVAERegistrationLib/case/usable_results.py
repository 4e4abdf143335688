"""Which synthetic images of the scene a registration may use: those that were made of the ultrasound alone.

One that a pre-operative MR took part in shows that MR where navigation, or an earlier registration, had put it:
registered to it, the MR would find itself there, and trust would confirm it.
"""

from __future__ import annotations

from typing import Any

from MMHVAESynthesisLib.synthesis import MADE, Results, find_results, made_of, stale_reason
from slicer.i18n import tr as _

from .registration_case import Case

_ALONE = {"us"}


def usable_results(case: Case) -> Results | None:
    """What the scene holds already of what the registration needs; None where something has to be computed first."""
    found = find_results(case.ultrasound, _ALONE)
    if any(node is None or stale_reason(node, case.ultrasound.bundle) for node in _needed(case, found)):
        return None
    uncertainty = {name: node for name, node in found.uncertainty.items() if _are_one(found.images.get(name), node)}
    return Results(found.images, uncertainty, found.ultrasound)


def mixed_results(case: Case) -> list[Any]:
    """The newest results of the ultrasound which a registration could use, had not other images taken part in them."""
    found = find_results(case.ultrasound)
    uncertainty = [found.uncertainty.get(name) for name in case.mrs] if not case.is_direct else []
    nodes = [node for node in [*_needed(case, found), *uncertainty] if node is not None]
    return [node for node in nodes if set(made_of(node)[0].inputs) != _ALONE]


def keeps_earlier(case: Case) -> bool:
    """Whether what a registration makes comes beside what is there, which the user may need elsewhere.

    So where an MR took part in that; and where the user has put a sweep's results under a transform: what is registered
    is the sweep where the tracker has it, and it must be shown there.
    """
    ultrasound = find_results(case.ultrasound).ultrasound if case.ultrasound.has_sweep else None
    was_moved = ultrasound is not None and ultrasound.GetParentTransformNode() is not None
    return was_moved or bool(mixed_results(case))


def warning_of_mixed(case: Case) -> str:
    """That synthetic images are there and yet not used, and why, in one sentence; "" where there are none such."""
    mixed = mixed_results(case) if not case.is_direct else []
    text = _(
        "{name} was made of a pre-operative image, too, which would confirm itself: "
        "Register takes synthetic MR of the ultrasound alone instead, and makes it where there is none."
    )
    return text.format(name=mixed[0].GetName()) if mixed else ""


def _needed(case: Case, found: Results) -> list[Any]:
    """Of what was found, what the registration cannot do without; None for each that is missing."""
    images = [] if case.is_direct else [found.images.get(name) for name in case.mrs]
    return [*images, *([found.ultrasound] if case.ultrasound.has_sweep else [])]


def _are_one(image: Any, uncertainty: Any) -> bool:
    """Whether an image and an uncertainty are of the same Apply."""
    return image is not None and image.GetAttribute(MADE) == uncertainty.GetAttribute(MADE)

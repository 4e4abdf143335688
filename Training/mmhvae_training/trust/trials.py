"""Which registrations the calibration looks at: what is given, from how far, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from mmhvae.registration import NAVIGATION, PosePrior
from mmhvae.settings import Route

from ..judging import RANGES_MM, TARGETS

WITHIN = "within reach"
BEYOND = "beyond reach"
WRONG_PATIENT = "another patient's MR"
PARTIAL = "MR ends inside the field of view"
MISNAMED = "MR of another contrast than named"
CORRUPT = "synthesis shows wrong anatomy"
ONE_CONTRAST = "one contrast"
DIRECT = "straight to the ultrasound"
BENCHMARK = "benchmark"

#: The donor of the report's other patients, where the real data is at hand.
REAL_HEAD = "real head"
#: What a case's sweep goes over that goes over no patient's head.
TEMPLATE = "template"
#: From so far (mm) hardly any start leads back.
BEYOND_MM = (35.0, 50.0)
#: Situations of every case of the report, and how often.
REPORTED = {DIRECT: 1, ONE_CONTRAST: 2, BEYOND: 2, WRONG_PATIENT: 2, PARTIAL: 1, MISNAMED: 1, CORRUPT: 1}
#: The same for every case of the calibration.
FITTED = {DIRECT: 1, ONE_CONTRAST: 1, BEYOND: 1, WRONG_PATIENT: 1, PARTIAL: 1, MISNAMED: 1, CORRUPT: 1}
#: Pairs, ranges and repeats of the team's benchmark.
BENCHMARK_FITTED = (("corrupt", 1, 0), ("corrupt", 3, 0), ("same", 2, 0), ("t2", 0, 0))
BENCHMARK_REPORTED = (("corrupt", 0, 50), ("corrupt", 2, 50), ("corrupt", 3, 50), ("same", 1, 50), ("t2", 3, 50))


@dataclass(frozen=True)
class Trial:
    """One registration.

    Attributes:
        case: folder's name; for the benchmark "pair-range-repeat".
        situation: what is wrong, or nothing.
        contrasts: what is registered together.
        reach_mm: the median displacement is drawn from this range.
        donor: the other patient's case, or ``REAL_HEAD``.
        seed: of everything drawn.
        prior: how far the start may be off; by default as the panel has it.
        method: through synthetic images, or straight to the ultrasound.
    """

    case: str
    situation: str
    contrasts: tuple[str, ...]
    reach_mm: tuple[float, float]
    donor: str = ""
    seed: int = 0
    prior: PosePrior | None = NAVIGATION
    method: Route = "synthesis"

    @property
    def key(self) -> tuple[str, str, int, PosePrior | None]:
        """What makes it this one."""
        return self.case, self.situation, self.seed, self.prior

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def trials_of(cases: Sequence[str], number: int, report: bool, head: bool) -> list[Trial]:
    """The trials of the case at ``number`` in ``cases``.

    The other patient is a real one in the report, if there is a ``head``; else the next case, turned back to front.
    """
    case, donor = cases[number], REAL_HEAD if report and head else cases[(number + 1) % len(cases)]
    rng = np.random.default_rng([int(case.split("-")[-1]), int(report)])
    # One near and one far start: starts that end at one pose give the same evidence, and more of it proves nothing.
    # The far one with two contrasts: as often as not a patient has no more.
    two = tuple(name for name in TARGETS if name != TARGETS[number % len(TARGETS)])
    drawn: list[tuple[str, tuple[str, ...], tuple[float, float]]] = [
        (WITHIN, contrasts, RANGES_MM[first + rng.integers(2)]) for first, contrasts in ((0, TARGETS), (2, two))
    ]
    for situation, times in (REPORTED if report else FITTED).items():
        # Contrasts in turn, so that each stands alone equally often.
        turns = [TARGETS[(number + turn) % len(TARGETS)] for turn in range(times)]
        for contrast in turns:
            reach = BEYOND_MM if situation == BEYOND else RANGES_MM[rng.integers(3)]
            # What comes twice comes with one contrast, too.
            alone = situation in (ONE_CONTRAST, DIRECT) or contrast != turns[0]
            drawn.append((situation, (contrast,) if alone else TARGETS, reach))
    seeds = rng.integers(2**31, size=len(drawn)).tolist()
    return [
        Trial(
            case,
            situation,
            contrasts,
            (float(low), float(high)),
            donor if situation == WRONG_PATIENT else "",
            seed,
            # With the panel's prior and without by turns, from case to case the other way round.
            NAVIGATION if (number + turn) % 2 == 0 else None,
            "direct" if situation == DIRECT else "synthesis",
        )
        for turn, ((situation, contrasts, (low, high)), seed) in enumerate(zip(drawn, seeds, strict=True))
    ]

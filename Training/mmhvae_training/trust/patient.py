"""A real patient registered by every route from many starts: how far off, and what trust said of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk
from mmhvae import register_case
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.files import whole_file, write_text
from mmhvae.images import to_euler, to_matrix
from mmhvae.registration import (
    PosePrior,
    TrustModel,
    Witness,
    best_rigid_fit,
    read_tag,
    target_registration_error,
)
from mmhvae.settings import NAVIGATION, RegistrationSettings, Route
from mmhvae.synthesis import SynthesisResult

from ..judging import RANGES_MM, Points, RealPair, draw_displacement
from .fit import is_wrong
from .report import VERDICTS, verdict_of
from .run import JUDGED_SHAPE, plain_evidence

#: So many starts away from the truth, beside the navigation's own; their distances come by turns from these ranges.
STARTS, AWAY_MM = 39, RANGES_MM[1:]
ROUTES: tuple[Route, ...] = ("synthesis", "direct")
COLUMNS = ("route", "prior", "start", "start_mm", "error_mm", "verdict", "expected_mm", "witnesses")
WORDS = {"synthesis": "through the synthetic image", "direct": "LC2 straight to the ultrasound"}
#: The patient that settings of the registration were chosen with in view: its errors flatter.
DEVELOPED_ON = "Case2"
SEEN = "Registration's finest level was chosen on it ([what was tried](case2-tried.md)): it is not held out."
Row = dict[str, Any]
#: Of a line.
ROW_SHAPE = JUDGED_SHAPE | {"route": str, "start": int, "start_mm": float, "error_mm": float, "witnesses": [Witness]}


@dataclass(frozen=True)
class Patient:
    """A patient whose MRs lie where the navigation put them.

    Attributes:
        pairs: of one ultrasound; their MRs lie on each other.
        landmarks, there: (N, 3) LPS mm, in the ultrasound and in the MR.
    """

    pairs: tuple[RealPair, ...]
    landmarks: Points
    there: Points

    def error_mm(self, transform: sitk.Transform) -> float:
        """Mean over the landmarks."""
        return float(target_registration_error(transform, self.landmarks, self.there).mean())

    def best(self) -> sitk.Euler3DTransform:
        """The best rigid fit of the landmarks."""
        return best_rigid_fit(self.landmarks, self.there)

    def starts(self) -> list[sitk.Transform]:
        """The navigation's, then the landmarks' best rigid fit displaced from every range in turn."""
        fit, found = self.best(), [sitk.Transform(3, sitk.sitkIdentity)]
        for number in range(STARTS):
            motion = draw_displacement(self.landmarks, *AWAY_MM[number % len(AWAY_MM)], seed=number)
            found.append(to_euler(to_matrix(fit) @ to_matrix(motion), self.landmarks.mean(axis=0)))
        return found


def read_patient(folder: Path, pairs: Sequence[RealPair]) -> Patient:
    """The pairs of one patient with the landmarks beside them.

    Raises:
        InputError: they are of several patients, or there are no landmarks.
    """
    names = {pair.name for pair in pairs}
    if len(names) != 1:
        raise InputError(f"There are {len(names)} patients; name one.")
    there, landmarks = read_tag(folder / "landmarks" / f"{names.pop()}-MRI-beforeUS.tag")
    return Patient(tuple(pairs), landmarks, there)


def planned(patient: Patient) -> Iterator[tuple[RegistrationSettings, int, sitk.Transform]]:
    """Every route with the panel's prior and without, from every start."""
    for number, start in enumerate(patient.starts()):
        for route in ROUTES:
            for prior in (NAVIGATION, None):
                yield RegistrationSettings(route, prior), number, start


def key_of(row: Mapping[str, Any]) -> tuple[str, PosePrior | None, int]:
    """Which registration a row is of."""
    return row["route"], None if row["prior"] is None else PosePrior(**row["prior"]), row["start"]


def outcome(
    patient: Patient,
    bundle: Bundle,
    made: SynthesisResult,
    settings: RegistrationSettings,
    start: sitk.Transform,
) -> Row:
    """Register from ``start`` and judge: error (mm) before and after, and the evidence."""
    mrs = {pair.modality: pair.mr for pair in patient.pairs}
    us, seen = patient.pairs[0].us, made.field_of_view
    found = register_case(us, mrs, bundle, settings, start, synthetic=made, mask=seen)
    return {
        "route": settings.method,
        "prior": None if settings.prior is None else asdict(settings.prior),
        "start_mm": round(patient.error_mm(start), 2),
        "error_mm": round(patient.error_mm(found.transform), 2),
        "refused": "",
        **plain_evidence(found.trust),
    }


def summary(rows: Sequence[Row], model: TrustModel) -> str:
    """Markdown: a line a route and prior, and a line a start."""
    lines = [
        "| route | prior | results | error, mean (least to most), mm | over 3 mm | good | check | failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for route in ROUTES:
        for has_prior in (True, False):
            chosen = [row for row in rows if row["route"] == route and (row["prior"] is not None) == has_prior]
            if chosen:
                lines.append(_line(f"{WORDS[route]} | {'with' if has_prior else 'without'}", chosen, model))
    return "\n".join(lines) + "\n"


def _line(name: str, rows: Sequence[Row], model: TrustModel) -> str:
    errors, verdicts = [row["error_mm"] for row in rows], [verdict_of(row, model)[0] for row in rows]
    wrong = sum(map(is_wrong, rows))
    cells = [f"{len(rows)}", f"{sum(errors) / len(rows):.1f} ({min(errors):.1f} to {max(errors):.1f})", f"{wrong}"]
    return f"| {name} | " + " | ".join([*cells, *(str(verdicts.count(verdict)) for verdict in VERDICTS)]) + " |"


def write_csv(rows: Sequence[Row], model: TrustModel, path: Path) -> None:
    """A line a registration."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in sorted(rows, key=lambda r: (r["route"], r["prior"] is None, r["start"])):
            verdict, expected = verdict_of(row, model)
            prior = "with" if row["prior"] is not None else "without"
            said = "; ".join(f"{w['name']} {w['distance_mm']:.1f}" for w in row["witnesses"])
            numbers = row["start"], row["start_mm"], row["error_mm"]
            writer.writerow([row["route"], prior, *numbers, verdict, f"{expected:.2f}", said])


def write_words(rows: Sequence[Row], model: TrustModel, patient: Patient, path: Path) -> None:
    """The table as a page."""
    starts, floor = len({row["start"] for row in rows}), patient.error_mm(patient.best())
    lines = [
        f"# {patient.pairs[0].name}: a real patient, by every route",
        "",
        f"{len(rows)} registrations from {starts} starts: the navigation's own, and others up to"
        f" {max(row['start_mm'] for row in rows):.0f} mm from the truth (mean over the landmarks).",
        f"Errors are means over the landmarks, of which the best rigid fit leaves {floor:.1f} mm.",
        "Neither the weights nor trust's calibration saw this MR.",
        *([SEEN] if patient.pairs[0].name == DEVELOPED_ON else []),
        "",
        summary(rows, model),
    ]
    write_text("\n".join(lines), path)

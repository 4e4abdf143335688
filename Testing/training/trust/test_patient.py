"""A real patient's table: it follows from its rows, and it keeps what must hold of Case2."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import apply_matrix, exp_se3, to_matrix
from mmhvae.registration import read_model
from mmhvae_training.judging import RealPair
from mmhvae_training.trust import patient as real
from mmhvae_training.trust.report import read_rows

CARD = Path(__file__).resolve().parents[3] / "Training" / "cards" / "registration"
POINTS = np.random.default_rng(0).uniform(-30, 30, (12, 3))
THERE = apply_matrix(exp_se3(np.array([0.05, 0.0, 0.1, 4.0, 2.0, -3.0])), POINTS)


@pytest.fixture(scope="module")
def rows() -> list[real.Row]:
    return read_rows(CARD / "case2.json")


def test_the_table_follows_from_the_rows(rows: list[real.Row], tmp_path: Path) -> None:
    real.write_csv(rows, read_model(), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (CARD / "case2.csv").read_text()
    assert real.summary(rows, read_model()) in (CARD / "case2.md").read_text()


def test_no_wrong_result_is_good_and_no_right_one_by_synthesis_failed() -> None:
    told = list(csv.DictReader((CARD / "case2.csv").open()))
    assert len(told) >= 40
    assert {row["verdict"] for row in told if float(row["error_mm"]) > 3} <= {"check", "failed"}
    right = [row for row in told if float(row["error_mm"]) < 3 and row["route"] == "synthesis"]
    assert {row["verdict"] for row in right} <= {"good", "check"}


def test_starts_are_the_navigations_and_others_as_far_off_as_asked() -> None:
    patient = real.Patient((), POINTS, THERE)
    first, *others = patient.starts()
    assert np.array_equal(to_matrix(first), np.eye(4))
    assert patient.error_mm(patient.best()) == pytest.approx(0, abs=1e-6)
    for number, start in enumerate(others):
        low, high = real.AWAY_MM[number % len(real.AWAY_MM)]
        apart = np.linalg.norm(apply_matrix(to_matrix(start), POINTS) - THERE, axis=1)
        assert low - 0.1 <= np.median(apart) <= high + 0.1
    keys = [(settings.method, settings.prior, number) for settings, number, _ in real.planned(patient)]
    assert len(set(keys)) == len(keys) == 4 * (1 + len(others))


@pytest.mark.parametrize("names", [(), ("Case2", "Case3")])
def test_one_patient_at_a_time(names: Sequence[str], tmp_path: Path) -> None:
    image, still = sitk.Image([4, 4, 4], sitk.sitkFloat32), sitk.Transform(3, sitk.sitkIdentity)
    with pytest.raises(InputError, match="patients; name one"):
        real.read_patient(tmp_path, [RealPair(name, "cet1", image, image, still) for name in names])

"""Runs side by side: the numbers of the paired tests, and who is better."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.judging.personalised.compared_table import Measure, compared_table

PATIENTS = [f"p{number}" for number in range(12)]


def values(seed: int, shift: float) -> dict[str, float]:
    drawn = np.random.default_rng(seed).normal(size=len(PATIENTS))
    return {name: float(value + shift) for name, value in zip(PATIENTS, drawn, strict=True)}


def line(text: str, start: str) -> list[str]:
    found = next(line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


@pytest.mark.parametrize(("name", "winner"), [("psnr", 1), ("nmse", 0)])
def test_the_better_run_is_bold_and_p_is_the_paired_test_times_all_tests(name, winner):
    a, b = values(0, 0), values(1, 9)
    cells = {("t1", "t2"): {"a": a, "b": b | {"new": 9.0}}, ("t2", "t1"): {"a": a, "b": a}}
    text = compared_table(Measure(name, name, 2), ("from", "to"), cells, {"theirs": {("t1", "t2"): 5.0}})
    found = line(text, "t1 | t2")
    expected = 2 * wilcoxon([a[n] for n in PATIENTS], [b[n] for n in PATIENTS]).pvalue
    assert float(found[6]) == pytest.approx(expected, rel=0.05)
    assert found[2] == "12"  # the thirteenth is not in both
    assert [cell.startswith("**") for cell in found[3:5]] == [winner == 0, winner == 1]
    assert found[5] == "*5.00*"
    same = line(text, "t2 | t1")
    assert same[5:] == ["-", "1"]
    assert "**" not in "".join(same)


def test_one_run_stands_alone_with_its_mean_and_deviation():
    cells = {("a", "b"): {"only": {"p": 0.25, "q": 0.75}}}
    text = compared_table(Measure("wt", "Dice", 1, 100), ("x", "y"), cells)
    assert line(text, "a | b") == ["a", "b", "2", "50.0 (35.4)"]

"""Ablations go on with the budget and the cases that they were begun with, and with no others."""

from __future__ import annotations

import shutil
import sys

from mmhvae_training.script import status_of

import ablations
import pytest
import SimpleITK as sitk
from mmhvae_training.scoring import ARMS
from mmhvae_training.scoring.ablation import TARGETS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--count", 1), "other cases"),
        (("--slices", 1), "other judged slices"),
        (("--config", "longer.yaml"), "other optimisation"),
        (("--cases", "anew"), "other cases"),
        (("--held-out", "anew"), "other held-out"),
    ],
)
def test_runs_of_another_budget_or_other_cases_are_refused(
    change, said, case_folder, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "longer.yaml").write_text(ablations.BUDGET.read_text().replace("epochs: 120.0", "epochs: 240.0"))
    shutil.copytree(case_folder, tmp_path / "anew")
    sitk.WriteImage(sitk.ReadImage("anew/case-0/us.nii.gz") * 1.01, "anew/case-0/us.nii.gz")
    scores = {target: {"psnr": 20.0, "perceptual": 10.0} for target in TARGETS}
    made = []
    monkeypatch.setattr(ablations, "load_perceptual", lambda: None)
    monkeypatch.setattr(ablations, "train_and_score", lambda *_: made.append(scores) or scores)

    def run(*more: object) -> int:
        cases = ("--cases", case_folder, "--held-out", case_folder, "--count", 2, "--held-out-count", 1)
        given = [*cases, "--seeds", 1, "--output", tmp_path / "made", *more]
        monkeypatch.setattr(sys, "argv", ["ablations.py", *map(str, given)])
        return status_of(ablations.main)

    assert [run(), run()] == [0, 0]
    before = {path: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    capsys.readouterr()
    assert run(*change) == 2
    complaint = capsys.readouterr().err
    assert f"was begun with {said}" in complaint
    assert complaint.count("\n") == 1
    assert {path: path.read_bytes() for path in (tmp_path / "made").iterdir()} == before
    assert len(made) == len(ARMS)

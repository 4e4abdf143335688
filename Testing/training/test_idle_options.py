"""An option that would have no effect is refused in one sentence, before anything is read or written."""

from __future__ import annotations

import importlib
import json
import sys
from types import SimpleNamespace

from mmhvae_training.script import status_of

import evaluate
import pytest

TABLE = ("evaluate", "table", "--cases", "c", "--output", "o")
FIGURES = ("evaluate", "figures", "--cases", "c", "--output", "o", "--bundle", "b")
RETENTION = ("evaluate", "retention", "--cases", "c", "--output", "o")
COMPARE = ("evaluate_registration", "--compare", "a", "b", "--output", "o")
DATA_SET = ("make_segmentation_dataset", "--cases", "c", "--output", "Dataset100_X")
CASES = ("--source", "s", "--output", "o")
SMALL = ("segment", "train", "--engine", "small", "--data", "d", "--fold", "0", "--output", "o")
PREDICT = ("segment", "predict", "--model", "m", *CASES)
EXPORT = ("export", "--run", "r", "--output", "o", "--card", "card.md")
TRUST = ("calibrate_trust", "--calibration", "c", "--report", "r", "--output", "o")


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ((*TABLE, "--bundle", "b"), ("--weights", "w")),
        ((*TABLE, "--bundle", "b"), ("--spacing", "1")),
        ((*TABLE, "--run", "baseline"), ("--side", "64")),
        ((*TABLE, "--run", "baseline"), ("--temperature", "0")),
        ((*TABLE, "--predictions", "p"), ("--temperature", "0.5")),
        ((*TABLE, "--predictions", "p"), ("--device", "cpu")),
        ((*TABLE, "--constant"), ("--seed", "0")),
        ((*TABLE, "--constant"), ("--weights", "w")),
        ((*TABLE, "--constant"), ("--split", "train")),
        (FIGURES, ("--weights", "w")),
        ((*RETENTION, "--run", "baseline"), ("--seed", "1")),
        ((*RETENTION, "--bundle", "b"), ("--cache", "k")),
        (COMPARE, ("--prior",)),
        (COMPARE, ("--jobs", "2")),
        (COMPARE, ("--lc2",)),
        ((*DATA_SET, "--simulator"), ("--labels", "l")),
        ((*DATA_SET, "--simulator"), ("--device", "cpu")),
        ((*DATA_SET, "--simulator", "--folds", "folds.json"), ("--seed", "1")),
        (SMALL, ("--epochs", "3")),
        ((*PREDICT, "--layout", "remind"), ("--fold", "0")),
        ((*PREDICT, "--layout", "remind"), ("--labels", "l")),
        (PREDICT, ("--plain",)),
        (("segment", "export", "--model", "m", "--zip", "z"), ("--licence", "MIT")),
        (EXPORT, ("--data", "ReMIND")),
        (EXPORT, ("--evaluation", "e")),
        (("export", "--bundle", "b", "--refinement", "r", "--output", "o"), ("--intended-use", "none")),
        (("simulate", "--output", "o"), ("--template-share", "0")),
        (("simulate", "--output", "o", "--real-heads", "h"), ("--split", "test")),
        (("prepare_dataset", "--layout", "brats", *CASES), ("--space", "T1w")),
        (("prepare_real", "--output", "o"), ("--count", "3")),
        (("prepare_real", "--output", "o"), ("--patient", "Case2")),
        (("prepare_real", "--output", "o"), ("--teacher", "b")),
        ((*TRUST, "--tables"), ("--jobs", "1")),
        (("judge_fluid", "--cases", "c", "--output", "o"), ("--include-held-out",)),
        (("judge_patient", "--real", "r", "--patient", "Case2", "--output", "o", "--tables"), ("--bundle", "b")),
        (("measure_methods", "--methods", "mmhvae"), ("--size", "small")),
        (("measure_methods", "--run", "r"), ("--side", "64")),
    ],
    ids=lambda part: " ".join(part),
)
def test_what_has_no_effect_is_refused(given, idle, tmp_path, monkeypatch, capsys):
    baseline = tmp_path / "baseline"
    baseline.mkdir()
    (baseline / "run.json").write_text(json.dumps({"commit": "c", "config": {"method": "resvit"}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{given[0]}.py", *given[1:], *idle])
    assert status_of(importlib.import_module(given[0]).main) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"leave out {idle[0]}.\n")
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["baseline"]


def test_a_seed_is_refused_where_a_baseline_draws_nothing(monkeypatch, tmp_path):
    """Which only its run tells."""
    given = ["table", "--cases", "c", "--run", "r", "--output", str(tmp_path / "o")]
    monkeypatch.setattr(evaluate, "is_baseline", lambda folder: True)
    for draws in (True, False):
        made = SimpleNamespace(baseline=SimpleNamespace(DRAWS=draws), facts={"method": "one"})
        monkeypatch.setattr(evaluate, "baseline_source", lambda *_, made=made, **__: made)
        assert evaluate.source_of(evaluate.parser().parse_args(given)) is made
        asked = evaluate.parser().parse_args([*given, "--seed", "0"])
        if draws:
            assert evaluate.source_of(asked) is made
        else:
            with pytest.raises(evaluate.InputError, match=r"one draws nothing; leave out --seed\."):
                evaluate.source_of(asked)


def test_a_file_that_was_named_is_there(monkeypatch, capsys, tmp_path):
    """Only what nobody named is left out where it is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["calibrate_trust.py", *TRUST[1:], "--head", "misspelt"])
    assert status_of(importlib.import_module("calibrate_trust").main) == 2
    assert (
        capsys.readouterr().err == "calibrate_trust.py: There is no misspelt; name another, or leave the option out.\n"
    )

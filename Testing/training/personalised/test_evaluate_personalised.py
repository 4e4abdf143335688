"""evaluate_personalised.py: tables from real runs of a small network, begun again where they were stopped."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

import evaluate_personalised


@pytest.fixture(scope="module")
def runs(train_run, tmp_path_factory):
    """A step of transfer, and one of segmentation."""
    folder = tmp_path_factory.mktemp("runs")
    settings = {"optimisation__steps": 1, "data__spacing": 2}
    assert train_run(folder / "images", task="transfer", **settings) == 0
    tumour = {"task": "segmentation", "architecture__classes": 4, "architecture__prior": "false"}
    assert train_run(folder / "tumour", **tumour, **settings) == 0
    shutil.copytree(folder / "images", folder / "other")
    return folder


@pytest.fixture
def evaluate(patients, tmp_path, monkeypatch, capsys):
    """``evaluate(command, runs, ...)``: the script in this process -> status and complaint."""

    def call(command: str, *options: object, data: Path = patients) -> tuple[int, str]:
        fixed = ("--data", data, "--split", patients / "split.json", "--output", tmp_path / "e")
        monkeypatch.setattr(sys, "argv", ["evaluate_personalised.py", command, *map(str, (*options, *fixed))])
        return status_of(evaluate_personalised.main), capsys.readouterr().err

    return call


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_transfer_scores_every_pair_and_protocol_and_goes_on_where_it_was(runs, evaluate, patients, tmp_path):
    assert evaluate("transfer", runs / "images", runs / "other") == (0, "")
    rows = rows_of(tmp_path / "e" / "images" / "transfer" / "a.csv")
    expected = set(product(("t1", "flair"), ("t1", "flair"), ("whole", "brain", "released")))
    assert {(row["source"], row["target"], row["protocol"]) for row in rows} == expected
    assert all(0 < float(row["psnr"]) < 100 for row in rows)
    text = (tmp_path / "e" / "transfer.md").read_text()
    assert "| from | to | patients | images | other | *X_h, paper* |" in text
    assert text.count("| t1 | flair | 2 |") == 9
    marked = tmp_path / "e" / "images" / "transfer" / "b.csv"
    content = marked.read_text()
    marked.write_text(content.replace("flair,t1,brain,", "flair,t1,brain,1"))
    (tmp_path / "e" / "images" / "transfer" / "a.csv").unlink()
    assert evaluate("transfer", runs / "images", runs / "other")[0] == 0
    assert "images - other" in (tmp_path / "e" / "transfer.md").read_text()
    assert marked.read_text() != content  # what is there is not computed again
    status, complaint = evaluate("transfer", runs / "images", "--overlap", "0.25")
    assert status == 2
    assert "other overlap" in complaint
    shutil.copytree(patients, tmp_path / "anew")
    (tmp_path / "anew" / "a" / "a_seg.nii.gz").write_bytes(b"outlined anew")
    status, complaint = evaluate("transfer", runs / "images", data=tmp_path / "anew")
    assert (status, complaint.count("\n"), "holds results of another a; choose" in complaint) == (2, 1, True)


def test_patients_without_labels_can_be_transferred_but_not_outlined(runs, evaluate):
    assert evaluate("transfer", runs / "images", "--part", "unlabelled", "--protocol", "brain")[0] == 0
    status, complaint = evaluate("subsets", runs / "tumour", "--part", "unlabelled")
    assert status == 2
    assert "check the path of the labels" in complaint


def test_subsets_are_scored_by_region(runs, evaluate, tmp_path):
    assert evaluate("subsets", runs / "tumour") == (0, "")
    rows = rows_of(tmp_path / "e" / "tumour" / "subsets" / "b.csv")
    assert [row["subset"] for row in rows] == ["t1", "flair", "t1+flair"]
    assert all(0 <= float(row[region]) <= 1 for row in rows for region in ("wt", "tc", "et", "et_star"))
    assert "| flair | 1 | 2 |" in (tmp_path / "e" / "subsets.md").read_text()


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("transfer", ["tumour"], "is a run of task segmentation"),
        ("subsets", ["images"], "has 4 classes"),
        ("transfer", ["nowhere"], "holds no run"),
        ("transfer", ["images", "images/../images"], "same name"),
        ("transfer", ["images", "--part", "test"], "no list 'test'"),
        ("transfer", ["images", "--part", "empty"], "puts no patient"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(runs, evaluate, tmp_path, command, options, words):
    given = [option if option.startswith("--") or option in ("test", "empty") else runs / option for option in options]
    status, complaint = evaluate(command, *given)
    assert status == 2
    assert words in complaint
    assert not (tmp_path / "e").exists()


def test_a_run_of_other_modalities_is_not_compared(runs, evaluate, tmp_path):
    import torch

    other = tmp_path / "renamed"
    shutil.copytree(runs / "images", other)
    content = torch.load(other / "checkpoint.pt", weights_only=True)
    content["architecture"]["modalities"] = ("t1", "t2")
    torch.save(content, other / "checkpoint.pt")
    status, complaint = evaluate("transfer", runs / "images", other)
    assert status == 2
    assert "different modalities" in complaint
    content["architecture"]["feature_size"] = 24
    torch.save(content, other / "checkpoint.pt")
    assert "another network" in evaluate("transfer", other)[1]
    (other / "run.json").write_text(json.dumps({"commit": "", "config": {}}))
    assert "holds no run" in evaluate("transfer", other)[1]


@pytest.mark.parametrize("option", [("--protocol", "brainy"), ("--overlap", "1")])
def test_options_out_of_bounds_are_refused(runs, evaluate, option):
    with pytest.raises(SystemExit) as left:
        evaluate("transfer", runs / "images", *option)
    assert left.value.code == 2

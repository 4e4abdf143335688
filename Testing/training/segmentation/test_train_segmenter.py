"""The segmenter's loss, its run in the general loop, its bundle, and how it is judged."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

from mmhvae.cli import main as mmhvae_main
from mmhvae.segmentation import load_segmenter
from mmhvae.settings import SegmentationSettings
from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.loop.logbook import LOSSES
from mmhvae_training.segmentation.configuration import TrapezoidConfig
from mmhvae_training.segmentation.judging import dice, images_of, judge
from mmhvae_training.segmentation.losses import SMOOTHING, segmentation_losses
from mmhvae_training.segmentation.patients import read_patient

from ..forked_ranks import run_as_two

pytestmark = pytest.mark.long

TRAINING = Path(__file__).resolve().parents[3] / "Training"


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, TRAINING / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def train(brats, monkeypatch, capsys):
    """``train(run, *options)``: train_segmenter.py in this process -> status and complaint."""
    module = script("train_segmenter")
    small = ["--architecture.channels", "[4,8]", "--data.crop", "[16,16,16]", "--output.checkpoint_every", "1"]

    def call(run: Path, *options: object) -> tuple[int, str]:
        given = ["--data.folder", brats, "--data.split", brats / "split.json", "--run", run, *small]
        given += ["--device.accelerator", "cpu", "--device.devices", "1", "--output.log_every", "1", *options]
        monkeypatch.setattr(sys, "argv", ["train_segmenter.py", *map(str, given)])
        return status_of(module.main), capsys.readouterr().err

    return call


def test_the_loss_is_the_regions_cross_entropy_and_one_minus_soft_dice():
    logits = torch.randn(2, 3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    regions = (torch.rand(2, 3, 2, 3, 2) > 0.5).double()
    p = logits.float().sigmoid().cumprod(dim=1).double()
    expected = torch.nn.functional.binary_cross_entropy(p, regions)
    pairs = zip(p.flatten(0, 1), regions.flatten(0, 1), strict=True)
    scores = [(2 * (a * b).sum() + SMOOTHING) / (a.sum() + b.sum() + SMOOTHING) for a, b in pairs]
    found = segmentation_losses(logits, regions)
    torch.testing.assert_close(found["cross-entropy"].double(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["dice"].double(), 1 - torch.stack(scores).mean(), rtol=1e-4, atol=1e-5)
    certain = torch.full((1, 3, 1, 1, 1), 200.0, requires_grad=True)
    segmentation_losses(certain, torch.ones(1, 3, 1, 1, 1))["cross-entropy"].backward()
    assert torch.isfinite(certain.grad).all()


def test_the_rate_rises_stays_and_falls_to_zero_and_its_end_can_be_moved_on_the_plateau():
    config = TrapezoidConfig(steps=100, warm_up=10, decay=20, learning_rate=1.0)
    assert [config.rate(step) for step in (0, 9, 50, 80, 90, 99)] == [0.1, 1, 1, 1, 0.5, 0.05]


def test_a_resumed_run_equals_an_uninterrupted_one_and_its_end_may_be_moved(train, tmp_path):
    assert train(tmp_path / "whole", "--optimisation.steps", 4, "--optimisation.decay", 1)[0] == 0
    assert train(tmp_path / "parts", "--optimisation.steps", 2, "--optimisation.decay", 1)[0] == 0
    assert train(tmp_path / "parts", "--optimisation.steps", 4, "--optimisation.decay", 1)[0] == 0
    whole, parts = (torch.load(tmp_path / run / CHECKPOINT, weights_only=True) for run in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 4
    for part in ("network", "average"):
        for name, tensor in whole[part].items():
            assert torch.equal(parts[part][name], tensor), name
    status, complaint = train(tmp_path / "parts", "--seed", 1)
    assert status == 2
    assert "other seed" in complaint


def test_two_processes_give_the_losses_of_one_on_the_same_views(train, brats, tmp_path):
    options = ["--data.batch_size", 2, "--optimisation.steps", 3, "--device.precision", "32-true"]
    assert train(tmp_path / "one", *options)[0] == 0
    small = ["--architecture.channels", "[4,8]", "--data.crop", "[16,16,16]", "--output.log_every", 1]
    given = ["--data.folder", brats, "--data.split", brats / "split.json", "--run", tmp_path / "two", *small, *options]
    ended = run_as_two("train_segmenter.py", *given)
    assert ended.returncode == 0, ended.stderr
    one, two = ((tmp_path / run / LOSSES).read_text().splitlines() for run in ("one", "two"))
    for alone, shared in zip(map(json.loads, one), map(json.loads, two), strict=True):
        assert {**shared, "minutes": 0} == pytest.approx({**alone, "minutes": 0}, abs=1e-5)


def test_it_learns_and_its_bundle_outlines_patients_with_and_without_a_head(train, brats, tmp_path, monkeypatch):
    ends = ["--optimisation.steps", 30, "--optimisation.warm_up", 3, "--optimisation.decay", 5]
    assert train(tmp_path / "run", "--optimisation.learning_rate", 0.01, *ends)[0] == 0
    records = [json.loads(line) for line in (tmp_path / "run" / LOSSES).read_text().splitlines()]
    loss = [record["dice"] + record["cross-entropy"] for record in records]
    assert np.mean(loss[-8:]) < 0.9 * np.mean(loss[:4])
    card = tmp_path / "card.md"
    card.write_text("# Card\n")
    given = ["export_segmenter.py", str(tmp_path / "run"), str(tmp_path / "bundle"), "--card", str(card)]
    monkeypatch.setattr(sys, "argv", [*given, "--name", "Ours", "--licence", "as our patients allow"])
    script("export_segmenter").main()
    monkeypatch.setenv("MMHVAE_WEIGHTS", str(tmp_path / "store"))
    assert mmhvae_main(["weights", "install", str(tmp_path / "bundle"), "--name", "ours"]) == 0
    bundle = load_segmenter("ours")
    assert (bundle.manifest.name, bundle.manifest.licence) == ("Ours", "as our patients allow")
    assert bundle.manifest.crop == (16, 16, 16)
    assert bundle.manifest.training["patients"] == ["a", "b"]
    assert train(tmp_path / "on", "--start_from", tmp_path / "bundle", "--fast-dev-run")[0] == 0
    further = ["--optimisation.steps", 1, "--optimisation.learning_rate", 1e-9, "--optimisation.weight_decay", 0]
    assert train(tmp_path / "further", "--start_from", tmp_path / "bundle", "--data.alone", 0.5, *further)[0] == 0
    begun = torch.load(tmp_path / "further" / CHECKPOINT, weights_only=True)["average"]
    for name, tensor in bundle.network.state_dict().items():
        torch.testing.assert_close(begun[name], tensor, rtol=0, atol=1e-6)
    described = json.loads((tmp_path / "further" / "run.json").read_text())
    assert described["started_from"]["patients"] == ["a", "b"]
    status, complaint = train(
        tmp_path / "other", "--start_from", tmp_path / "bundle", "--architecture.channels", "[4,4]"
    )
    assert status == 2
    assert "not the one to be trained" in complaint
    patient = read_patient(brats / "b", bundle.network.config.modalities)
    monkeypatch.setattr("mmhvae.segmentation.volumes.SMALLEST_TISSUE_ML", 1.0)
    for head in (False, True):
        row, labels = judge(bundle, patient, ("flair", "cet1"), head, SegmentationSettings(flips=1))
        assert labels.GetSize() == (36, 36, 36)
        assert row.contrasts == ("flair", "cet1")
        assert all(score is None or 0 <= score <= 1 for score in row.dice.values())


def test_a_card_that_cannot_be_read_is_one_sentence_and_no_bundle(tmp_path, monkeypatch, capsys):
    given = [
        "export_segmenter.py",
        str(tmp_path / "run"),
        str(tmp_path / "bundle"),
        "--card",
        str(tmp_path / "none.md"),
    ]
    monkeypatch.setattr(sys, "argv", given)
    assert status_of(script("export_segmenter").main) == 2
    assert "none.md cannot be read; give a Markdown file" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_dice_counts_overlap_and_leaves_open_what_nobody_outlines():
    a, b = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    assert dice(a, b) == 0.5
    assert dice(a, ~a) == 0
    assert dice(a & ~a, b & ~b) is None


def test_a_judged_head_keeps_the_brain_in_its_place(brats):
    patient = read_patient(brats / "a", ("t1", "cet1", "t2", "flair"))
    bare, head = (images_of(patient, ("t1", "cet1", "t2", "flair"), head=head) for head in (False, True))
    point = bare["t2"].TransformIndexToPhysicalPoint((13, 20, 16))
    index = head["t2"].TransformPhysicalPointToIndex(point)
    assert head["t2"][index] / 100 == pytest.approx(bare["t2"][13, 20, 16] / patient.medians[2], rel=0.01)
    assert head["t2"].GetSize()[0] > bare["t2"].GetSize()[0]

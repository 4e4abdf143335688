"""A run of the brain extractor in the general loop, and its bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

import export_segmenter
import train_brain_extractor
from mmhvae import InputError
from mmhvae.segmentation import load_brain_extractor
from mmhvae_training.brain_extraction import BrainMethod
from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.loop.logbook import LOSSES

PLAN = {
    "features": [4, 8],
    "kernels": [[3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 2]],
    "encoder_convolutions": [1, 1],
    "decoder_convolutions": [1],
}


@pytest.fixture
def train(brats, monkeypatch, capsys):
    """``train(run, *options)``: train_brain_extractor.py in this process -> status and complaint."""
    small = [text for name, value in PLAN.items() for text in (f"--architecture.{name}", json.dumps(value))]
    small += ["--data.smallest", "24", "--data.largest", "32", "--data.spacing", "2", "--output.log_every", "1"]

    def call(run: Path, *options: object) -> tuple[int, str]:
        given = ["--data.folder", brats, "--data.split", brats / "split.json", "--run", run, *small]
        given += ["--device.accelerator", "cpu", "--device.devices", "1", *options]
        monkeypatch.setattr(sys, "argv", ["train_brain_extractor.py", *map(str, given)])
        return status_of(train_brain_extractor.main), capsys.readouterr().err

    return call


def test_a_resumed_run_equals_an_uninterrupted_one(train, tmp_path, monkeypatch):
    options, step = ["--output.checkpoint_every", 1, "--optimisation.steps"], BrainMethod.losses
    assert train(tmp_path / "whole", *options, 4)[0] == 0

    def interrupted(method, fabric):
        if method.state.step == 2:
            raise InputError("The power failed.")
        return step(method, fabric)

    with monkeypatch.context() as once:
        once.setattr(BrainMethod, "losses", interrupted)
        assert train(tmp_path / "parts", *options, 4)[0] == 2
    assert train(tmp_path / "parts", *options, 4)[0] == 0
    whole, parts = (torch.load(tmp_path / run / CHECKPOINT, weights_only=True) for run in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 4
    for name, tensor in whole["average"].items():
        assert torch.equal(parts["average"][name], tensor), name
    status, complaint = train(tmp_path / "parts", *options, 5)
    assert (status, "other optimisation" in complaint) == (2, True)


def test_it_learns_and_becomes_a_bundle(train, tmp_path, monkeypatch):
    options = ["--optimisation.steps", 40, "--optimisation.learning_rate", 0.01, "--optimisation.average_decay", 0]
    assert train(tmp_path / "run", *options)[0] == 0
    records = [json.loads(line) for line in (tmp_path / "run" / LOSSES).read_text().splitlines()]
    loss = [record["dice and cross-entropy"] for record in records]
    assert np.mean(loss[-10:]) < 0.8 * np.mean(loss[:5])
    card = tmp_path / "card.md"
    card.write_text("# Card\n")
    given = ["export_segmenter.py", tmp_path / "run", tmp_path / "bundle", "--card", card, "--name", "Ours"]
    monkeypatch.setattr(sys, "argv", list(map(str, given)))
    export_segmenter.main()
    extractor = load_brain_extractor(tmp_path / "bundle")
    assert (extractor.manifest.name, extractor.manifest.spacing_mm) == ("Ours", 2.0)
    assert extractor.manifest.architecture.features == (4, 8)
    assert extractor.manifest.training["patients"] == ["a", "b"]
    further = ["--optimisation.steps", 1, "--optimisation.learning_rate", 1e-9, "--data.weights", "[0,1,0,0]"]
    assert train(tmp_path / "further", "--start_from", tmp_path / "bundle", *further)[0] == 0
    begun = torch.load(tmp_path / "further" / CHECKPOINT, weights_only=True)["average"]
    for name, tensor in extractor.network.state_dict().items():
        torch.testing.assert_close(begun[name], tensor, rtol=0, atol=1e-6)
    described = json.loads((tmp_path / "further" / "run.json").read_text())
    assert described["started_from"]["patients"] == ["a", "b"]
    status, complaint = train(
        tmp_path / "other", "--start_from", tmp_path / "bundle", "--architecture.features", "[4,4]"
    )
    assert (status, "not the one to be trained" in complaint) == (2, True)

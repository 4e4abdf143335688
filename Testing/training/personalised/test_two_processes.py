"""train_personalised.py as two processes that share a batch: the losses are those of one."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.loop.logbook import LOSSES

from ..forked_ranks import run_as_two

pytestmark = pytest.mark.long

TRAINING = Path(__file__).resolve().parents[3] / "Training"


@pytest.fixture
def given(tmp_path):
    """Options of a run over two patients whose brains fill their images: halves of a batch then weigh the same."""
    rng = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / name).mkdir()
        for ending in ("t1", "flair", "seg"):
            array = rng.integers(1, 3 if ending == "seg" else 255, (32, 34, 33)).astype(np.uint8)
            sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / name / f"{name}_{ending}.nii.gz"))
    (tmp_path / "split.json").write_text(json.dumps({"train": ["a", "b"]}))
    settings = {
        "data.folder": tmp_path, "data.split": tmp_path / "split.json", "data.batch_size": 2,
        "architecture.modalities": "[t1,flair]", "architecture.crop": "[32,32,32]", "architecture.norm": "group",
        "architecture.feature_size": 12, "architecture.depths": "[1,1,1,1]", "architecture.num_heads": "[1,2,4,8]",
        "architecture.window_size": 4, "optimisation.steps": 2, "output.log_every": 1, "device.accelerator": "cpu",
    }  # fmt: skip
    return [str(word) for name, value in settings.items() for word in (f"--{name}", value)]


@pytest.mark.parametrize(
    "chosen",
    [{"task": "transfer"}, {"task": "pretraining", "constraints.contrastive": "false"}],
    ids=["transfer", "pretraining without contrast"],
)
def test_two_processes_give_the_losses_of_one(chosen, given, tmp_path, monkeypatch):
    """With contrast they do not: a device's negatives are its own."""
    script = TRAINING / "train_personalised.py"
    given = given + [str(word) for name, value in chosen.items() for word in (f"--{name}", value)]
    ended = run_as_two(script.name, *given, "--run", tmp_path / "two")
    assert ended.returncode == 0, ended.stderr
    monkeypatch.setattr(sys, "argv", [str(script), *given, "--run", str(tmp_path / "one"), "--device.devices", "1"])
    runpy.run_path(str(script))["main"]()
    one, two = ((tmp_path / run / LOSSES).read_text().splitlines() for run in ("one", "two"))
    assert len(one) == len(two) == 2
    for alone, shared in zip(map(json.loads, one), map(json.loads, two), strict=True):
        assert {**shared, "minutes": 0} == pytest.approx({**alone, "minutes": 0}, rel=1e-4, abs=1e-5)
        assert shared["invariance"] > 0

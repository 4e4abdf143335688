"""train_personalised.py: it goes on exactly, hands its encoder on, and refuses what does not fit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.personalised.personalised_method import PersonalisedMethod
from mmhvae_training.personalised.volumes import draw_sub_volumes, patient_volume
from mmhvae_training.segmentation.patients import Patient, distance_outside

SCRIPT = Path(__file__).resolve().parents[3] / "Training" / "train_personalised.py"
SMALL = {
    "architecture.crop": "[32,32,32]",
    "architecture.feature_size": "12",
    "architecture.depths": "[1,1,1,1]",
    "architecture.num_heads": "[1,2,4,8]",
    "architecture.window_size": "4",
    "architecture.norm": "group",
    "architecture.modalities": "[t1,flair]",
    "data.batch_size": "1",
    "constraints.contrastive": "false",  # the second view costs a third of the time
    "output.log_every": "1",
    "device.accelerator": "cpu",
}


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """``train(run, **settings)``: the script in this process -> status and complaint."""
    import importlib

    spec = importlib.util.spec_from_file_location("train_personalised", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "read_patients", lambda *arguments: [patient(seed) for seed in range(2)])

    def call(run: Path, **settings: object) -> tuple[int, str]:
        given = {**SMALL, "data.folder": tmp_path, "data.split": tmp_path / "split.json", "run": run}
        given |= {name.replace("__", "."): value for name, value in settings.items()}
        options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
        monkeypatch.setattr(sys, "argv", ["train_personalised.py", *options])
        return status_of(module.main), capsys.readouterr().err

    return call


def patient(seed: int) -> Patient:
    """Two modalities of a ball with a lesion."""
    import numpy as np

    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(34)] * 3, indexing="ij"), -1)
    brain = np.linalg.norm(index - 17, axis=-1) < 15
    regions = (np.linalg.norm(index - rng.integers(12, 22, 3), axis=-1) < 5).astype(np.uint8) * brain
    images = np.stack([(80 + 20 * m + 60 * regions) * brain for m in range(2)]).astype(np.uint8)
    return Patient(f"p{seed}", images, regions, distance_outside(brain), (80.0, 100.0), np.argwhere(regions > 0))


def content(run: Path) -> dict:
    return torch.load(run / CHECKPOINT, weights_only=True)


def killed_after(steps: int, losses):
    def step(method, fabric):
        if method.state.step == steps:
            raise KeyboardInterrupt
        return losses(method, fabric)

    return step


def test_pretraining_goes_on_exactly_and_segmentation_begins_with_its_encoder(train, tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(whole, optimisation__steps=2, output__checkpoint_every=5)[0] == 0
    with monkeypatch.context() as stop:  # killed in its second step, after the checkpoint of the first
        stop.setattr(PersonalisedMethod, "losses", killed_after(1, PersonalisedMethod.losses))
        assert train(parts, optimisation__steps=2, output__checkpoint_every=1)[0] == 130
    assert content(parts)["step"] == 1
    assert train(parts, optimisation__steps=2, output__checkpoint_every=1)[0] == 0
    first, second = content(whole), content(parts)
    for part in ("network", "average"):
        assert all(torch.equal(first[part][name], value) for name, value in second[part].items())
    status, complaint = train(whole, optimisation__steps=3)
    assert status == 2
    assert "other optimisation" in complaint
    tuned = tmp_path / "tuned"
    settings = {"task": "segmentation", "architecture__classes": 4, "optimisation__learning_rate": 1e-9}
    assert train(tuned, start_from=whole, optimisation__steps=1, **settings)[0] == 0
    before, after = content(whole)["average"], content(tuned)["network"]
    for name, value in after.items():
        if not name.startswith("swin.out"):
            torch.testing.assert_close(value, before[name], rtol=0, atol=1e-6)
    assert after["swin.out.conv.conv.weight"].shape[0] == 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data__batch_size": 1, "constraints__contrastive": "true"}, "2 or more a device"),
        ({"task": "segmentation"}, "architecture.classes belongs"),
        ({"architecture__feature_size": 10}, "divisible by 12"),
        ({"constraint__prior": "false"}, "is no setting"),
    ],
)
def test_settings_that_cannot_work_are_one_sentence(train, tmp_path, settings, words):
    status, complaint = train(tmp_path / "run", **settings)
    assert status == 2
    assert words in complaint


def test_volumes_are_z_scored_padded_and_cropped_at_one_place_in_all_parts():
    import numpy as np

    volume = patient_volume(patient(0), 2, (32, 32, 32))
    assert volume.images.shape == (2, 32, 32, 32)  # 34 voxels are 17 of 2 mm, padded
    inside = volume.images[:, :17, :17, :17]
    torch.testing.assert_close(inside.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std((1, 2, 3)), torch.ones(2), atol=1e-4, rtol=0)
    fine = patient_volume(patient(0), 1, (32, 32, 32))
    for seed in range(3):
        batch = draw_sub_volumes([fine], (32, 32, 32), 2, 0.5, 0.5, np.random.default_rng(seed))
        lesion = batch.labels > 0
        assert batch.images[:, 0][lesion].min() > batch.images[:, 0][~lesion].max() - 1e-5
        assert (batch.images[:, 0][~batch.foreground[:, 0]] < 0).all()

"""train_personalised.py: it goes on exactly, hands its encoder on, and refuses what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")


from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.personalised.personalised_method import PersonalisedMethod


@pytest.fixture
def train(train_run, capsys):
    """``train(run, **settings)``: the script in this process -> status and complaint."""
    return lambda run, **settings: (train_run(run, **settings), capsys.readouterr().err)


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
        ({"architecture__network": "unet"}, "prior should be false"),
        ({"architecture__network": "unet", "architecture__prior": "false"}, "A U-Net has no heads"),
        ({"constraints__equivariance": "false", "constraints__decomposition": "false"}, "nothing to learn"),
        ({"architecture__feature_size": 10}, "divisible by 12"),
        ({"constraint__prior": "false"}, "is no setting"),
    ],
)
def test_settings_that_cannot_work_are_one_sentence(train, tmp_path, settings, words):
    status, complaint = train(tmp_path / "run", **settings)
    assert status == 2
    assert words in complaint

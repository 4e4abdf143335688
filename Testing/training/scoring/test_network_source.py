"""Which runs of train.py are taken for judging; that their networks are judged right, test_evaluate.py shows."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from mmhvae import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.scoring.network_source import load_run

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=4, num_pools=1, decoder_features=4, decoder_blocks=1)


@pytest.mark.parametrize(
    ("checkpoint", "sentence"),
    [
        ({"average": {}}, r"is no whole checkpoint, it lacks architecture, step; restore it"),
        ({"architecture": {"channels": [4]}, "average": {}, "step": 1}, r"no run of MMHVAE that this version knows"),
        ({"architecture": {"num_pools": "many"}, "average": {}, "step": 1}, r"no run of MMHVAE that this version"),
        ({"architecture": asdict(TINY), "average": [], "step": 1}, r"no averaged weights of this run's network"),
    ],
    ids=["a kept average's file", "another kind of run", "nonsense", "no weights"],
)
def test_a_checkpoint_that_cannot_be_judged_is_one_sentence(tmp_path, checkpoint, sentence):
    (tmp_path / "run.json").write_text(json.dumps({"commit": "c", "config": {}}))
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=sentence):
        load_run(tmp_path)


def test_two_runs_alike_in_name_step_and_commit_are_told_apart_by_their_weights(tmp_path):
    """An evaluation that goes on compares these facts."""
    found = []
    for seed, parent in enumerate(("a", "b")):
        torch.manual_seed(seed)
        folder = tmp_path / parent / "run"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"commit": "c", "config": {"data": {"spacing": 1.0}}}))
        content = {"architecture": asdict(TINY), "average": MMHVAE(TINY).state_dict(), "step": 1}
        torch.save(content, folder / "checkpoint.pt")
        found += [load_run(folder)[2], load_run(folder)[2]]
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert {name for name in found[0] if found[0][name] != found[2][name]} == {"weights_sha256"}

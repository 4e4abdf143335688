"""Checkpoints: whole or not at all."""

from __future__ import annotations

import pytest
import torch
from mmhvae import InputError
from mmhvae_training.loop.checkpoints import (
    CHECKPOINT,
    keep_average,
    load_checkpoint,
    read_average,
    read_checkpoint,
    save_checkpoint,
)
from mmhvae_training.loop.run_record import RUN


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(tiny, full_disk):
    run = tiny()
    folder = run.configuration.run
    save_checkpoint(run.state, run.configuration, run.fabric)
    run.state.step = 7
    with full_disk(20 * 1024):
        with pytest.raises(InputError, match=r"could not be written .*free some space; the last checkpoint is kept"):
            save_checkpoint(run.state, run.configuration, run.fabric)
        with pytest.raises(InputError, match=r"free some space\.$"):
            keep_average(run.state, folder)
    assert [path.name for path in folder.iterdir()] == [CHECKPOINT]
    assert read_checkpoint(folder / CHECKPOINT)["step"] == 0


def test_a_checkpoint_is_read_without_executing_anything(tiny):
    run = tiny()
    save_checkpoint(run.state, run.configuration, run.fabric)
    content = torch.load(run.configuration.run / CHECKPOINT, weights_only=True)
    assert {
        "network",
        "average",
        "optimiser",
        "discriminators",
        "discriminator_optimiser",
        "pools",
        "rng",
        "noise",
    } <= set(content)


def test_what_is_no_checkpoint_says_so(tiny, tmp_path):
    run = tiny()
    with pytest.raises(InputError, match="There is no"):
        load_checkpoint(run.state, tmp_path / "none.pt", run.fabric)
    (tmp_path / "damaged.pt").write_bytes(b"PK not really")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        load_checkpoint(run.state, tmp_path / "damaged.pt", run.fabric)
    keep_average(run.state, tmp_path)
    with pytest.raises(InputError, match="of another kind of run"):
        load_checkpoint(run.state, tmp_path / "average-000000.pt", run.fabric)
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(InputError, match=r"list\.pt cannot be read as a checkpoint"):
        read_checkpoint(tmp_path / "list.pt")
    with pytest.raises(InputError, match=r"average-000000\.pt is no whole checkpoint, it lacks step, noise;"):
        read_checkpoint(tmp_path / "average-000000.pt", "average", "step", "noise")


def test_a_kept_average_is_the_runs_own(tiny, tmp_path):
    run = tiny()
    folder, other = run.configuration.run, tmp_path / "of-another-seed"
    run.state.step = 7
    for each in (folder, other):
        each.mkdir(exist_ok=True)
        (each / RUN).write_text("{}")
        keep_average(run.state, each)
    content, step = read_average(folder, folder / "average-000007.pt")
    assert (list(content), step) == (["average"], 7)
    with pytest.raises(InputError, match=r"is of another run than .*; give one of its own"):
        read_average(folder, other / "average-000007.pt")
    (other / RUN).unlink()  # a copy that somebody has put aside
    assert read_average(folder, other / "average-000007.pt")[1] == 7
    for name in ("best.pt", "average-best.pt"):
        keep_average(run.state, folder)
        (folder / "average-000007.pt").rename(folder / name)
        with pytest.raises(InputError, match=r"is no kept average; give one that the run has written"):
            read_average(folder, folder / name)

"""Checkpoints: whole or not at all."""

from __future__ import annotations

from types import SimpleNamespace

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


@pytest.mark.parametrize(
    ("written", "present", "sentence"),
    [
        (16, 5056, r"was written on a GPU, .* on cpu, .*; set device\.accelerator to cuda or mps, or begin a new run"),
        (5056, 16, r"was written on a CPU, .* on cuda, .*; set device\.accelerator to cpu, or begin a new run"),
    ],
    ids=["GPU to CPU", "CPU to GPU"],
)
def test_a_run_on_another_kind_of_device_says_so_and_where_it_goes_on(tiny, written, present, sentence):
    """The sizes are those of torch's generators on a CPU and on CUDA."""
    run = tiny()
    path = run.configuration.run / CHECKPOINT
    save_checkpoint(run.state, run.configuration, run.fabric)
    assert len(torch.Generator().get_state()) == 5056
    torch.save(read_checkpoint(path) | {"noise": torch.zeros(written, dtype=torch.uint8)}, path)
    if present == 16:
        state = torch.zeros(present, dtype=torch.uint8)
        run.state.noise = SimpleNamespace(device=torch.device("cuda"), get_state=lambda: state)
    with pytest.raises(InputError, match=sentence):
        load_checkpoint(run.state, path, run.fabric)


def test_a_run_in_another_precision_says_so(tiny, monkeypatch):
    run = tiny()
    save_checkpoint(run.state, run.configuration, run.fabric)
    scaler = torch.amp.GradScaler("cpu")  # what 16-mixed loads its state into
    monkeypatch.setattr(run.fabric.strategy.precision, "load_state_dict", scaler.load_state_dict)
    with pytest.raises(InputError, match=r"was written with another device\.precision; go on with that one"):
        load_checkpoint(run.state, run.configuration.run / CHECKPOINT, run.fabric)


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

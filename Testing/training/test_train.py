"""train.py as a command: two processes give one's losses, what it says to bad input, and its fast development run."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmhvae_training import script
from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.loop.logbook import LOSSES, Logbook
from mmhvae_training.loop.run_record import RUN

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "Training" / "train.py"
TINY = ROOT / "Training" / "configs" / "tiny.yaml"
# Adamax divides by the size of a gradient: where a gradient is but rounding, so is its update, whole and of either
# sign. Small steps keep that out of the losses.
SMALL_STEPS = ["--optimisation.learning_rate", "1e-4", "--optimisation.final_learning_rate", "1e-5"]


@pytest.fixture
def train(monkeypatch, capsys):
    """``train(*arguments)`` in this process -> status, what it printed, what it complained."""
    pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
    spec = importlib.util.spec_from_file_location("train_command", TRAIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["train.py", "--config", str(TINY), *map(str, arguments)])
        return (script.status_of(module.main), *capsys.readouterr())

    return call


def in_processes(*arguments: object, threads: int) -> subprocess.CompletedProcess[str]:
    """train.py as a user starts it."""
    path = os.pathsep.join(str(ROOT / part) for part in ("MMHVAESynthesis", "Training"))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
    command = [sys.executable, str(TRAIN), "--config", str(TINY), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def losses(folder: Path) -> list[dict[str, float]]:
    lines = (folder / LOSSES).read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "minutes"} for line in lines]


def test_two_processes_give_the_losses_of_one_on_the_same_batches(tiny, case_folder, tmp_path):
    steps = ["--optimisation.epochs", "2.6666", *SMALL_STEPS]  # 8: discriminators and generator included
    device = ["--device.accelerator", "cpu", "--device.devices", "auto"]  # one process a core
    two = in_processes("--data.cases", case_folder, "--run", tmp_path / "two", *steps, *device, threads=2)
    assert two.returncode == 0, two.stderr
    assert "Starting with 2 processes" in two.stderr + two.stdout
    one = tiny(*steps, run="one")
    logbook = Logbook(one.configuration.run, 0)
    one.train(logbook=logbook)
    logbook.close()
    expected, found = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(expected) == len(found) == 8
    assert {"generator/us", "discriminator/t2"} <= set().union(*found)
    for one_step, two_steps in zip(expected, found, strict=True):
        assert one_step == pytest.approx(two_steps, abs=1e-5)


def test_a_fast_development_run_goes_through_every_phase_and_keeps_nothing(train, case_folder, tmp_path):
    status, printed, complaints = train("--data.cases", case_folder, "--run", tmp_path / "run", "--fast-dev-run")
    assert status == 0, complaints
    assert "step 3 of 3" in printed
    assert "all phases ran" in printed
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_as_it_was_begun(train, case_folder, tmp_path):
    short = ["--data.cases", case_folder, "--run", tmp_path / "run", "--optimisation.epochs", "0.6666"]
    assert train(*short)[0] == 0
    told = json.loads((tmp_path / "run" / RUN).read_text())
    assert told["config"]["architecture"]["image_size"] == 16
    assert told["cases"] == {"case-0": ["us", "t2", "cet1", "flair"], "case-1": ["us", "flair"], "case-2": ["t2"]}
    assert (tmp_path / "run" / "configuration.yaml").is_file()
    status, printed, _ = train(*short)
    assert status == 0
    assert "resuming at step 2" in printed
    status, _, complaint = train(*short, "--loss.norm", "l2")
    assert status == 2
    assert "holds a run with other loss; choose a new folder, or the settings it had." in complaint


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--loss.kl_wieght", "1"], "sets loss.kl_wieght, which is no setting; did you mean loss.kl_weight?"),
        (
            ["--architecture.image_size", "4", "--architecture.num_pools", "1"],
            "Images of 4 pixels are too small for a discriminator; use at least 6, or set adversarial.weight to 0.",
        ),
        (["--architecture.modalities", "[us, t2, dwi]"], "No case has dwi; add cases that do"),
        (["--data.cases", "EMPTY"], "is empty; give a folder that holds one folder a case."),
        (["--data.batch_size", "3", "--device.devices", "2"], "data.batch_size (3) should be a multiple of"),
        (["--device.accelerator", "abacus"], "device.accelerator"),
        (["--start_from", "EMPTY"], "EMPTY"),
    ],
    ids=["typo", "too small", "unseen modality", "empty data set", "uneven batch", "no such device", "no bundle"],
)
def test_what_a_user_can_do_wrong_ends_in_one_sentence(train, case_folder, tmp_path, arguments, sentence):
    (tmp_path / "EMPTY").mkdir()
    given = [str(tmp_path / "EMPTY") if argument == "EMPTY" else argument for argument in arguments]
    status, _, complaint = train("--data.cases", case_folder, "--run", tmp_path / "run", *given)
    assert status == 2
    assert complaint.startswith("train.py: ")
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(train, case_folder, tmp_path):
    status, _, complaint = train("--data.cases", case_folder, "--run", tmp_path, "--device.accelerator", "cuda")
    assert status == 2
    assert "Choose another accelerator or precision." in complaint


def test_numerical_trouble_is_one_sentence_too(train, case_folder, tmp_path):
    status, _, complaint = train("--data.cases", case_folder, "--run", tmp_path / "run", "--loss.kl_limit", "1e-9")
    assert status == 1
    assert "Stopped at step 0, because the divergence exploded" in complaint
    assert "No checkpoint was saved yet." in complaint

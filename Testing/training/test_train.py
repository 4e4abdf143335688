"""train.py as a command: two processes give one's losses, what it says to bad input, and its fast development run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmhvae_training.checkpoints import RUN
from mmhvae_training.logbook import LOSSES, Logbook

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "Training" / "train.py"
# Adamax divides by the size of a gradient: where a gradient is but rounding, so is its update, whole and of either
# sign. Small steps keep that out of the losses.
SMALL_STEPS = ["--optimisation.learning_rate", "1e-4", "--optimisation.final_learning_rate", "1e-5"]


def train(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
    command = [sys.executable, str(TRAIN), "--config", str(ROOT / "Training/configs/tiny.yaml"), *map(str, arguments)]
    given = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    path = os.pathsep.join(str(ROOT / part) for part in ("MMHVAESynthesis", "Training"))
    return subprocess.run(command, capture_output=True, text=True, env={**given, "PYTHONPATH": path}, check=False)


def losses(folder: Path) -> list[dict[str, float]]:
    lines = (folder / LOSSES).read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "minutes"} for line in lines]


def test_two_processes_give_the_losses_of_one_on_the_same_batches(tiny, case_folder, tmp_path):
    steps = ["--optimisation.epochs", "2.6666", *SMALL_STEPS]  # 8: discriminators and generator included
    two = train("--data.cases", case_folder, "--run", tmp_path / "two", *steps, "--device.accelerator", "cpu",
                "--device.devices", "2")  # fmt: skip
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


def test_a_fast_development_run_goes_through_every_phase_and_keeps_nothing(case_folder, tmp_path):
    done = train("--data.cases", case_folder, "--run", tmp_path / "run", "--fast-dev-run")
    assert done.returncode == 0, done.stderr
    assert "step 3 of 3" in done.stdout
    assert "all phases ran" in done.stdout
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_as_it_was_begun(case_folder, tmp_path):
    short = ["--data.cases", case_folder, "--run", tmp_path / "run", "--optimisation.epochs", "0.6666"]
    assert train(*short).returncode == 0
    told = json.loads((tmp_path / "run" / RUN).read_text())
    assert told["config"]["architecture"]["image_size"] == 16
    assert told["cases"] == ["case-0", "case-1", "case-2"]
    assert (tmp_path / "run" / "configuration.yaml").is_file()
    other = train(*short, "--loss.norm", "l2")
    assert other.returncode == 2
    assert "holds a run with other loss; choose a new folder, or the settings it had." in other.stderr
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--loss.kl_wieght", "1"], "sets loss.kl_wieght, which is no setting; did you mean loss.kl_weight?"),
        (
            ["--architecture.image_size", "4", "--architecture.num_pools", "1"],
            "Images of 4 pixels are too small for a discriminator; use at least 6, or set adversarial.weight to 0.",
        ),
    ],
    ids=["typo", "too small"],
)
def test_what_a_user_can_do_wrong_ends_in_one_sentence(case_folder, tmp_path, arguments, sentence):
    failed = train("--data.cases", case_folder, "--run", tmp_path / "run", *arguments)
    assert failed.returncode == 2
    assert failed.stderr.startswith("train.py: ")
    assert sentence in failed.stderr
    assert not (tmp_path / "run").exists()

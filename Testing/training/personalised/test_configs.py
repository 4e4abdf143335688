"""Every configuration that ships: it says what its name says, and goes through a step of a small network."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("monai", reason="needs the extra 'training'")

import evaluate_personalised
import prepare_pet_ct
from mmhvae_training.configuration.parsing import parse_settings
from mmhvae_training.personalised.run_configuration import PersonalisedRun

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "Training" / "configs" / "personalised"
#: What each row of the comparison has: C, D, E, I; N for inpainting; O for the prior.
ROWS = {
    "all": "CDEIO",
    "prior": "DO",
    "plain": "D",
    "tang": "CEN",
    "without-invariance-and-prior": "CDE",
    "without-equivariance-and-prior": "CDI",
    "without-prior": "CDEI",
    "without-invariance": "CDEO",
    "without-equivariance": "CDIO",
    "u-hved-zero": "D",
}
LETTERS = {"C": "contrastive", "D": "decomposition", "E": "equivariance", "I": "invariance", "N": "inpainting"}
PARSERS = {"evaluate_personalised": evaluate_personalised.parser, "prepare_pet_ct": prepare_pet_ct.parser}
BASES = {"budget", "segmentation"}


def test_every_file_is_known():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*ROWS, *BASES}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_what_its_name_says_at_one_budget(name):
    files = [str(FOLDER / f"{part}.yaml") for part in ("budget", name)]
    given = ["--data.folder", "brats", "--data.split", "s.json", "--run", "r"]
    configs = [option for file in files for option in ("--config", file)]
    run = parse_settings([*configs, *given], PersonalisedRun).configuration
    plain = parse_settings([*configs[:2], *given], PersonalisedRun).configuration
    on = {letter for letter, term in LETTERS.items() if getattr(run.constraints, term)}
    assert on | ({"O"} if run.architecture.prior else set()) == set(ROWS[name])
    assert (run.optimisation, run.data) == (plain.optimisation, plain.data)
    assert run.architecture.crop == plain.architecture.crop
    assert (run.architecture.network == "unet") is (name == "u-hved-zero")
    tuned = parse_settings([*configs, "--config", str(FOLDER / "segmentation.yaml"), *given], PersonalisedRun)
    assert tuned.configuration.architecture.classes == 4


@pytest.mark.parametrize("name", ["all", "tang", "u-hved-zero"])
def test_a_step_is_trained(name, train_run, tmp_path):
    """Of the rows that differ by more than a switch; test_algorithms.py has the switches."""
    options = {"config": FOLDER / f"{name}.yaml", "optimisation__steps": 1, "data__spacing": 2, "data__batch_size": 2}
    assert train_run(tmp_path / "run", **options) == 0
    if name == "u-hved-zero":  # another network: its encoder, too, begins the tumour's
        tuning = {**options, "task": "segmentation", "architecture__classes": 4}
        assert train_run(tmp_path / "tumour", start_from=tmp_path / "run", **tuning) == 0


def readme_commands() -> list[list[str]]:
    """Program and arguments of every command in the README's section."""
    text = (ROOT / "Training" / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## X_h.*?(?=^## )", text, re.DOTALL | re.MULTILINE)[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if not line.startswith("#")]
    return [shlex.split(line)[1:] for line in lines]


def test_the_readme_s_commands_are_understood(monkeypatch):
    monkeypatch.chdir(ROOT)
    commands = readme_commands()
    assert len(commands) > 8
    for program, *given in commands:
        name = Path(program).stem
        if name == "train_personalised":
            assert parse_settings(given, PersonalisedRun).configuration.run.parts[0] == "runs"
        else:
            PARSERS[name]().parse_args(given)

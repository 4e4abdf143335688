"""Baselines in the training loop: they run on incomplete cases, go on exactly where they stopped, and are evaluated."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mmhvae_training.script import status_of

import evaluate
import pytest
import train
import train_baseline
from mmhvae import InputError
from mmhvae_training.baselines.baseline_method import new_baseline_state
from mmhvae_training.baselines.run_configuration import BaselineConfiguration
from mmhvae_training.configuration.parsing import parse_settings
from mmhvae_training.loop.checkpoints import read_checkpoint
from mmhvae_training.loop.devices import launch
from mmhvae_training.loop.run_state import same_content, update_average
from mmhvae_training.scoring.baseline_runs import baseline_source
from mmhvae_training.scoring.network_source import run_source

METHODS = ["mm-gan", "resvit", "m2dn"]
TINY = """
architecture: {image_size: 32}
data: {spacing: 1.0, batch_size: 2}
mixture: {per_step: 2}
mm_gan: {levels: 4, width: 4}
resvit: {side: 32, width: 4, blocks: 1, transformers: [1], hidden: 16, layers: 1, heads: 2, discriminator_width: 4}
m2dn: {channels: [8, 8], groups: 8, head: 8, evaluations: 3}
optimisation: {epochs: 2, steps_per_epoch: 2}
output: {checkpoint_every: 2, keep_every: 100, log_every: 1, images_every: 100}
device: {accelerator: cpu, devices: 1}
"""


@pytest.fixture
def configured(case_folder, tmp_path):
    """``configured(method, run, *options)``: arguments of train_baseline.py for a run of 4 steps on three cases."""
    (tmp_path / "tiny.yaml").write_text(TINY)

    def arguments(method: str, run: str, *options: str) -> list[str]:
        files = ["--config", str(tmp_path / "tiny.yaml"), "--data.cases", str(case_folder)]
        return [*files, "--method", method, "--run", str(tmp_path / run), *options]

    return arguments


def trained(monkeypatch, arguments: list[str]) -> dict:
    monkeypatch.setattr(sys, "argv", ["train_baseline.py", *arguments])
    train_baseline.main()
    folder = arguments[arguments.index("--run") + 1]
    return read_checkpoint(Path(folder) / "checkpoint.pt")


class KilledError(Exception):
    """In place of a signal."""


@pytest.mark.parametrize("method", ["resvit", "m2dn"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(configured, monkeypatch, method):
    whole = trained(monkeypatch, configured(method, "whole"))
    steps = []
    original = train_baseline.BaselineMethod.losses

    def killed_in_the_fourth_step(self, fabric):
        steps.append(self.state.step)
        if len(steps) == 4:
            raise KilledError
        return original(self, fabric)

    with monkeypatch.context() as patch:
        patch.setattr(train_baseline.BaselineMethod, "losses", killed_in_the_fourth_step)
        with pytest.raises(KilledError):
            trained(patch, configured(method, "killed"))
    resumed = trained(monkeypatch, configured(method, "killed"))
    assert (whole["step"], whole["method"]) == (4, method)
    assert ("adversary" in whole) == (method != "m2dn")
    assert same_content(whole, resumed)


def test_resvits_transformers_come_in_late_and_its_average_has_the_running_statistics(configured, monkeypatch):
    configuration = parse_settings(configured("resvit", "run"), BaselineConfiguration, "x", "y").configuration
    state = new_baseline_state(configuration, launch(configuration))
    phases = [state.baseline.phase(step / 6) for step in range(6)]
    assert [phase.transformers for phase in phases] == [False] * 4 + [True] * 2
    assert [phase.learning_rate for phase in phases] == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 1e-3, 1e-3])
    for name, buffer in state.network.named_buffers():
        if name.endswith("running_mean"):
            buffer += 3
    update_average(state, 0.995)
    means = [b for name, b in state.average.named_buffers() if name.endswith("running_mean")]
    assert means
    assert all((mean == 3).all() for mean in means)


def test_a_run_is_judged_like_any_other(configured, case_folder, monkeypatch, tmp_path):
    trained(monkeypatch, configured("mm-gan", "run"))
    options = ["--cases", case_folder, "--run", tmp_path / "run", "--output", tmp_path / "table", "--slices", "2"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "table", *map(str, options)])
    evaluate.main()
    assert "us" in (tmp_path / "table" / "table.md").read_text()
    settings = json.loads((tmp_path / "table" / "settings.json").read_text())
    assert (settings["method"], settings["step"], settings["side"]) == ("mm-gan", 4, 32)
    source = baseline_source(tmp_path / "run")
    averaged = read_checkpoint(tmp_path / "run" / "checkpoint.pt")["average"]
    assert same_content(dict(source.baseline.network.state_dict()), averaged)
    with pytest.raises(InputError, match=r"run is a run of mm-gan; give one of MMHVAE, which train.py makes"):
        run_source(tmp_path / "run")
    with pytest.raises(InputError, match="holds no run of a baseline; give a folder that train_baseline"):
        baseline_source(tmp_path)
    with pytest.raises(InputError, match=r"holds a run with other method; choose a new folder, or the settings it had"):
        trained(monkeypatch, configured("m2dn", "run"))


def test_weights_of_another_run_are_refused(configured, monkeypatch, tmp_path):
    for method, run, *options in (("mm-gan", "run"), ("mm-gan", "again", "--seed", "5"), ("m2dn", "other")):
        trained(monkeypatch, configured(method, run, "--output.keep_every", "2", *options))
    run, kept = tmp_path / "run", "average-000002.pt"
    assert baseline_source(run, run / kept).facts["step"] == 2
    with pytest.raises(InputError, match=rf"again/{kept} is of another run than .*; give one of its own"):
        baseline_source(run, tmp_path / "again" / kept)  # of the same network
    with pytest.raises(InputError, match=r"checkpoint\.pt is no kept average; give one that the run has written"):
        baseline_source(run, run / "checkpoint.pt")
    (tmp_path / "other" / kept).rename(tmp_path / kept)  # where nothing tells its run
    with pytest.raises(InputError, match="The weights are of another network than this run's; give its own"):
        baseline_source(run, tmp_path / kept)


def test_mmhvae_does_not_start_from_a_baseline(configured, case_folder, monkeypatch, capsys, tmp_path):
    trained(monkeypatch, configured("mm-gan", "run"))
    capsys.readouterr()
    tiny = Path(train.__file__).parent / "configs" / "tiny.yaml"
    new = ["--config", tiny, "--data.cases", case_folder, "--run", tmp_path / "new", "--start_from", tmp_path / "run"]
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, new)])
    assert status_of(train.main) == 2
    complaint = capsys.readouterr().err
    assert f"The network of {tmp_path / 'run'} is not the one to be trained; start from another." in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "new" / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--mixture.temperatures", "[0.5, 1.0]"], "mixture.temperatures are MMHVAE's alone; leave them out"),
        (["--resvit.side", "16"], "resvit.side should be at least architecture.image_size"),
        (["--variant.groups", "[7]"], "sets variant.groups, which is no setting"),
        (["--optimisation.epochs", "0"], "optimisation.epochs should be positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(configured, options, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_settings(configured("resvit", "run", *options), BaselineConfiguration, "x", "y")


def test_an_unknown_method_is_refused(configured):
    with pytest.raises(InputError, match="mm-gan"):
        parse_settings(configured("gan", "run"), BaselineConfiguration, "x", "y")


@pytest.mark.parametrize("method", METHODS)
def test_the_configurations_that_are_shipped_can_be_read(case_folder, method):
    configs = Path(train_baseline.__file__).parent / "configs" / "baselines"
    given = ["--config", str(configs / f"{method}.yaml"), "--data.cases", str(case_folder), "--run", "run"]
    whole = parse_settings(given, BaselineConfiguration, "x", "y").configuration
    assert (whole.method, whole.architecture.image_size) == (method, 192)
    small = parse_settings([*given, "--config", str(configs / "small.yaml")], BaselineConfiguration, "x", "y")
    assert (small.configuration.method, small.configuration.architecture.image_size) == (method, 96)

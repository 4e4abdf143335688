"""All methods at one budget by one command: each run is what its own script makes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import train
import train_baseline
from mmhvae_training.loop.checkpoints import read_checkpoint
from mmhvae_training.loop.run_state import same_content
from mmhvae_training.scoring import read_costs, volumes_of_run

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Training" / "studies"))
import measure_methods
import train_methods

BUDGET = """
architecture: {image_size: 64}
data: {spacing: 1.0, batch_size: 2, unseen_modality: refuse}
mixture: {per_step: 1}
optimisation: {epochs: 2, steps_per_epoch: 1}
output: {keep_every: 100, images_every: 100}
device: {accelerator: cpu, devices: 1}
"""


def test_runs_are_those_of_the_methods_own_scripts(case_folder, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "budget.yaml").write_text(BUDGET)
    given = ["--cases", case_folder, "--methods", "mm-gan", "mopoe", "--seeds", 7, "--budget", tmp_path / "budget.yaml"]
    monkeypatch.setattr(sys, "argv", ["train_methods.py", *map(str, given), "--output", str(tmp_path / "runs")])
    train_methods.main()
    for method, script in (("mm-gan", train_baseline), ("mopoe", train)):
        alone = tmp_path / method
        asked = train_methods.settings_of(method, tmp_path / "budget.yaml", case_folder, alone, 7)
        monkeypatch.setattr(sys, "argv", [script.TRAIN.program, *asked])
        script.main()
        together = tmp_path / "runs" / method / "seed-7"
        assert same_content(read_checkpoint(together / "checkpoint.pt"), read_checkpoint(alone / "checkpoint.pt"))
        assert volumes_of_run(together).facts["run"] == f"{method}/seed-7"
    assert "mopoe seed-7" in capsys.readouterr().out
    runs = [part for method in ("mm-gan", "mopoe") for part in ("--run", str(tmp_path / "runs" / method / "seed-7"))]
    monkeypatch.setattr(sys, "argv", ["measure_methods.py", *runs, "--repeats", "1", "--output", str(tmp_path / "c")])
    measure_methods.main()
    assert list(read_costs(tmp_path / "c")) == ["mm-gan", "mopoe"]
    written = json.loads((tmp_path / "c").read_text())
    assert {(cost["size"], cost["side"]) for cost in written["costs"].values()} == {("run", 64)}
    assert not {"size", "side"} & set(written)  # of what was asked, which is not what was measured

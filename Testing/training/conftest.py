"""Small cases on disk, and runs of a network of 16 x 16 pixels on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

TINY_YAML = Path(__file__).resolve().parents[2] / "Training" / "configs" / "tiny.yaml"
FOUR = ("us", "t2", "cet1", "flair")


def _write_case(folder: Path, names=FOUR, seed: int = 0, size=(20, 22, 24), white=(1, 0, 0, 0)) -> Path:
    """A ball of tissue with white matter (label 3) in one part: where the plane ``white`` (k, j, i, offset) is above 0.

    By default in one half.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in size], indexing="ij"))
    inside = np.linalg.norm(grid, axis=0) < 0.95
    whites = np.tensordot(white[:3], grid, 1) + white[3] > 0
    labels = np.where(inside, np.where(whites, 3, 2), 0).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / "labels.nii.gz"))
    for name in names:
        values = np.where(inside, 100 + 40 * labels + rng.uniform(0, 20, inside.shape), 0).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / f"{name}.nii.gz"))
    return folder


@pytest.fixture(scope="session")
def write_case():
    """``write_case(folder, names, seed, size, white)`` writes one case and returns its folder."""
    return _write_case


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    """A complete case, one of iUS and FLAIR, one of T2 alone."""
    folder = tmp_path_factory.mktemp("cases")
    for number, names in enumerate([FOUR, ("us", "flair"), ("t2",)]):
        _write_case(folder / f"case-{number}", names, number)
    return folder


class TinyRun:
    """A run of ``tiny.yaml`` in a folder, with changed settings, in this process."""

    def __init__(self, cases: Path, run: Path, *options: str) -> None:
        from mmhvae_training.configuration.configuration import Configuration
        from mmhvae_training.configuration.parsing import parse_settings
        from mmhvae_training.data.sampling import Sampler, load_training_set
        from mmhvae_training.loop.devices import launch
        from mmhvae_training.loop.state import new_state

        given = ["--config", str(TINY_YAML), "--data.cases", str(cases), "--run", str(run), *options]
        self.configuration = parse_settings([*given, "--device.accelerator", "cpu"], Configuration).configuration
        self.fabric = launch(self.configuration)
        found = load_training_set(self.configuration.data, self.configuration.architecture)
        self.sampler = Sampler(found, self.configuration)
        self.state = new_state(self.configuration, self.fabric)
        run.mkdir(exist_ok=True)

    def train(self, epochs: float | None = None, logbook=None) -> TinyRun:
        """Train to the end, or stop after ``epochs`` as a killed run would, at its last checkpoint."""
        from mmhvae_training.loop.loop import train
        from mmhvae_training.loop.mmhvae_method import MMHVAEMethod, training_step
        from mmhvae_training.loop.run_state import update_average
        from mmhvae_training.loop.schedule import Schedule

        if epochs is None:
            train(self.fabric, MMHVAEMethod(self.configuration, self.state, self.sampler), logbook)
            return self
        schedule = Schedule(self.configuration, self.sampler.steps_per_epoch)
        while self.state.step < epochs * self.sampler.steps_per_epoch:
            training_step(self.fabric, self.state, self.sampler, schedule.at(self.state.step), self.configuration)
            self.state.step += 1
            update_average(self.state, self.configuration.optimisation.average_decay)
        return self

    def with_config(self, group: str, **changes) -> TinyRun:
        """Change settings of a group after the state was made."""
        changed = replace(getattr(self.configuration, group), **changes)
        self.configuration = replace(self.configuration, **{group: changed})
        self.sampler = replace(self.sampler, configuration=self.configuration)
        return self


@pytest.fixture(scope="session")
def tiny_run():
    """``tiny_run(cases, folder, "--loss.norm", "l2")`` -> :class:`TinyRun`, for fixtures that several tests share."""
    pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
    return TinyRun


@pytest.fixture
def tiny(tiny_run, case_folder, tmp_path):
    """``tiny("--loss.norm", "l2", run="name", cases=folder)`` -> :class:`TinyRun`."""

    def make(*options: str, run: str = "run", cases: Path = case_folder) -> TinyRun:
        return tiny_run(cases, tmp_path / run, *options)

    return make

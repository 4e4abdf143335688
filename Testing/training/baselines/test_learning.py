"""Every method learns: on 8 slices of one case its images' loss falls by 10 times within a stated number of steps."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae_training.baselines.method import Pass
from mmhvae_training.baselines.methods import new_baseline
from mmhvae_training.baselines.run_configuration import BaselineConfiguration
from mmhvae_training.configuration.parsing import parse_settings
from mmhvae_training.data import Sampler, load_training_set
from mmhvae_training.loop.mmhvae_method import training_step
from mmhvae_training.loop.schedule import Schedule

SMALL = """
architecture: {image_size: 32}
data: {spacing: 1.0, batch_size: 8}
mixture: {per_step: 1}
mm_gan: {levels: 4, width: 8}
resvit: {side: 32, width: 8, blocks: 2, transformers: [1], hidden: 16, layers: 1, heads: 2, discriminator_width: 4}
m2dn: {channels: [16, 16], groups: 8, head: 8, evaluations: 3}
"""
pytestmark = pytest.mark.slow

FOUR = ("us", "t2", "cet1", "flair")
#: Method -> steps within which it has to learn, and Adam's rate meanwhile.
STEPS = {"mm-gan": (30, 2e-3), "resvit": (24, 3e-3), "m2dn": (12, 2e-3)}


@pytest.fixture(scope="module")
def case(tmp_path_factory, write_case):
    """Tissues without noise: what cannot be learnt would bound the loss."""
    folder = write_case(tmp_path_factory.mktemp("cases") / "case-0")
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels.nii.gz")))
    for brightness, name in enumerate(FOUR, 1):
        grey = np.where(labels > 0, 100 + 20 * brightness * labels, 0).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(grey), str(folder / f"{name}.nii.gz"))
    return folder.parent


@pytest.mark.parametrize("method", STEPS)
def test_a_baselines_loss_falls_by_ten_times(case, tmp_path, method):
    steps, rate = STEPS[method]
    (tmp_path / "small.yaml").write_text(SMALL)
    given = ["--config", tmp_path / "small.yaml", "--data.cases", case, "--run", tmp_path / "run", "--method", method]
    configuration = parse_settings(list(map(str, given)), BaselineConfiguration, "x", "y").configuration
    sampler = Sampler(load_training_set(configuration.data, configuration.architecture), configuration)
    torch.manual_seed(0)
    baseline, batch = new_baseline(configuration.settings, FOUR), sampler.draw(0, np.random.default_rng(0))
    adam, found = torch.optim.Adam(baseline.network.parameters(), rate), []
    for step in range(steps):
        loss = baseline.losses(batch, [Pass(("us",), step)], baseline.phase(0.9)).losses["image"]
        found.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert np.mean(found[-5:]) < found[0] / 10


@pytest.mark.parametrize(
    "variant",
    [(), ("--architecture.modalities", "[us,t2]"), ("--variant.groups", "[3]")],
    ids=["mmhvae", "mhvae", "mopoe"],
)
def test_the_loss_of_mmhvae_and_its_kin_falls_by_ten_times(case, tmp_path, tiny_run, variant):
    settings = {"data.batch_size": 8, "data.intensity_changes": "false", "mixture.per_step": 1, "loss.norm": "l2"}
    settings |= {"adversarial.weight": 0, "optimisation.epochs": 1000}
    options = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    run, found = tiny_run(case, tmp_path / "run", *options, *variant), []
    sampler = SameSlices(**vars(run.sampler))
    phase = Schedule(run.configuration, 1).at(0)
    for _ in range(20):
        found.append(training_step(run.fabric, run.state, sampler, phase, run.configuration)["image"])
    assert np.mean(found[-3:]) < found[0] / 10


class SameSlices(Sampler):
    """Draws the same slices in every step."""

    def draw(self, step, rng):
        return super().draw(0, np.random.default_rng(0))

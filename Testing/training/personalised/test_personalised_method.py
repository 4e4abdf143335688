"""The personalised method: one update a modality; another device than the CPU, for which torch's "meta" stands."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric import Fabric

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.loop.trouble import NumericalTroubleError
from mmhvae_training.personalised.algorithms import Constraints, SubVolumes, pretraining
from mmhvae_training.personalised.configuration import PersonalisedConfig
from mmhvae_training.personalised.personalised_method import PersonalisedMethod, new_personalised
from mmhvae_training.personalised.run_configuration import PersonalisedRun, VolumesConfig
from mmhvae_training.personalised.volumes import PatientVolume

META = torch.device("meta")
SIZES = {"crop": (32, 32, 32), "feature_size": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8), "window_size": 4}
SMALL = PersonalisedConfig(("t1", "t2"), norm="group", **SIZES)


def configured(**settings) -> PersonalisedRun:
    """A run on small crops of two patients."""
    data = VolumesConfig(Path("patients"), Path("split.json"), batch_size=2)
    return PersonalisedRun(run=Path("run"), data=data, architecture=SMALL, seed=5, **settings)


def state_on(device: torch.device):
    """A fresh run's state whose network is on ``device``."""
    fabric = SimpleNamespace(device=device, setup_optimizers=lambda optimiser: optimiser)
    return new_personalised(configured(), fabric)


def test_pretraining_draws_on_the_cpu_what_it_does_on_another_device():
    """Tensors of the meta device refuse a generator of their own, and mix with the CPU's as little as a GPU's do."""
    state, images = state_on(META), torch.randn(2, 2, 32, 32, 32)
    assert next(state.network.parameters()).device == META
    assert state.noise.device == torch.device("cpu")
    batch = SubVolumes(images, images > 0).to(META)
    updates = list(pretraining(state.network, batch, Constraints(inpainting=True), state.noise))
    assert len(updates) == 2
    assert {value.device for losses in updates for value in losses.values()} == {META}


def test_on_the_cpu_the_noise_is_that_of_the_seed():
    drawn = torch.rand(4, generator=state_on(torch.device("cpu")).noise)
    assert torch.equal(drawn, torch.rand(4, generator=torch.Generator().manual_seed(5)))


def method_of(task: str) -> tuple[Fabric, PersonalisedMethod]:
    """A fresh run on one patient of noise."""
    fabric, images = Fabric(accelerator="cpu", devices=1), torch.randn(2, 34, 33, 32)
    configuration = configured(task=task, constraints=Constraints(contrastive=False))
    volume = PatientVolume("a", images, images > 0, None)
    return fabric, PersonalisedMethod(configuration, new_personalised(configuration, fabric), [volume])


@pytest.mark.parametrize("task", ["pretraining", "transfer"])
def test_a_step_clears_the_gradients_and_updates_once_a_modality(task, monkeypatch):
    """The authors' code clears them once a batch."""
    done = []

    def noted(name):
        original = getattr(torch.optim.AdamW, name)
        return lambda *given, **options: done.append(name) or original(*given, **options)

    for name in ("zero_grad", "step"):
        monkeypatch.setattr(torch.optim.AdamW, name, noted(name))
    fabric, method = method_of(task)
    assert method.losses(fabric)["loss"] > 0
    assert done == ["zero_grad", "step"] * 2


def test_a_gradient_that_is_no_number_stops_the_run_before_the_weights_take_harm():
    fabric, method = method_of("transfer")
    before = [parameter.detach().clone() for parameter in method.state.network.parameters()]
    next(method.state.network.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(
        NumericalTroubleError, match=r"Stopped at step 0, because gradient is (inf|nan)\. No checkpoint"
    ):
        method.losses(fabric)
    for parameter, held in zip(method.state.network.parameters(), before, strict=True):
        assert torch.equal(parameter, held)


def test_the_gradients_of_the_coarsest_level_are_those_of_float32_in_mixed_precision():
    """Left to torch, a third of some of them is whatever memory held: infinite within a few steps of a real run."""
    network, images = state_on(torch.device("cpu")).network, torch.randn(2, 2, 32, 32, 32)
    found = {}
    for reduced in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            network(images).float().square().mean().backward()
        found[reduced] = network.swin.decoder5.conv_block.conv2.conv.weight.grad.flatten()
    assert torch.cosine_similarity(found[False], found[True], dim=0) > 0.95

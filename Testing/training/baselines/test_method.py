"""What every baseline keeps: all subsets, backgrounds, nothing learnt of what is not observed; and it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from mmhvae import InputError
from mmhvae_training.baselines.method import Pass, evaluating, judging, seeded
from mmhvae_training.baselines.methods import METHODS, SMALL, new_baseline, settings_of
from mmhvae_training.objective.subsets import subsets_of
from torch import nn

from .conftest import MODALITIES, SIDE, tiny_baseline, tiny_batch

PASSES = [Pass(("us",), 1), Pass(("us", "t2"), 2)]


def gradients(module, losses):
    module.zero_grad()
    torch.stack(list(losses.values())).sum().backward()
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def last_bias(gradient):
    """Gradient (M,) of the biases of the output's channels."""
    return [g for name, g in gradient.items() if name.endswith("bias") and g is not None and g.shape == (4,)][-1]


def test_all_fifteen_subsets_give_all_targets(method):
    batch = tiny_batch(size=1)
    for subset in subsets_of(MODALITIES):
        inputs = {name: batch.inputs[name] for name in subset}
        images = method.synthesise(inputs, MODALITIES, batch.mask, torch.Generator().manual_seed(0))
        assert list(images) == list(MODALITIES)
        for image in images.values():
            assert image.shape == (1, 1, SIDE, SIDE)
            assert (image[~batch.mask] == -1).all()
            assert image.abs().max() <= 1
            assert image[batch.mask].std() > 0


def test_a_given_image_is_harmonised_too_rather_than_copied(method):
    """Implicit conditioning is off: what is given does not stand in for its own output."""
    batch = tiny_batch(size=1)
    given = batch.inputs["us"]
    image = method.synthesise({"us": given}, ["us"], batch.mask, torch.Generator().manual_seed(0))["us"]
    assert (image != given)[batch.mask].float().mean() > 0.99


def test_only_the_targets_that_are_asked_for_are_given_and_the_field_of_view_is_the_inputs(method):
    batch = tiny_batch(size=1)
    inputs = {"t2": batch.inputs["t2"], "us": batch.inputs["us"]}
    images = method.synthesise(inputs, ["flair"], generator=torch.Generator().manual_seed(0))
    assert list(images) == ["flair"]
    assert (images["flair"][batch.inputs["us"] == -1] == -1).all()
    assert (images["flair"][batch.mask] != -1).any()


def test_the_noise_is_the_generators_and_dropout_is_off(method):
    inputs = {"us": tiny_batch(size=1).inputs["us"]}

    def run(seed):
        return method.synthesise(inputs, ["t2"], generator=torch.Generator().manual_seed(seed))["t2"]

    assert torch.equal(run(1), run(1))
    assert torch.equal(run(1), run(2)) == (method.adversary is not None)  # only M2DN draws noise
    assert method.network.training


def test_a_modality_that_a_case_lacks_gives_no_gradient_at_all(method):
    batch = tiny_batch(observed=("us", "t2", "cet1"))
    step = method.losses(batch, PASSES, method.phase(0.9))
    bias = last_bias(gradients(method.network, step.losses))
    assert bias[3] == 0
    assert (bias[:3] != 0).all()


def test_what_stands_in_an_unobserved_output_changes_no_loss(method):
    batch = tiny_batch(observed=("us", "t2", "cet1"))
    phase = method.phase(0.9)
    before = method.losses(batch, PASSES, phase)
    output = [p for n, p in method.network.named_parameters() if n.endswith("bias") and p.shape == (4,)][-1]
    with torch.no_grad():
        output[3] += 0.5
    after = method.losses(batch, PASSES, phase)
    assert all(torch.equal(before.losses[name], after.losses[name]) for name in before.losses)
    assert not torch.equal(before.outputs[0]["flair"], after.outputs[0]["flair"])
    for name, value in method.adversary_losses(batch, PASSES, before.outputs).items():
        assert torch.equal(value, method.adversary_losses(batch, PASSES, after.outputs)[name])


def test_losses_are_a_pure_function_and_leave_torchs_random_numbers_alone(method):
    batch, phase = tiny_batch(), method.phase(0.9)
    first = method.losses(batch, PASSES, phase)
    state = torch.get_rng_state()
    second = method.losses(batch, PASSES, phase)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first.losses[name], second.losses[name]) for name in first.losses)
    other = method.losses(batch, [Pass(p.subset, p.seed + 10) for p in PASSES], phase)
    assert not torch.equal(other.losses["image"], first.losses["image"])  # dropout or noise differs


def test_outputs_in_training_have_their_background_and_no_graph(method):
    batch = tiny_batch()
    step = method.losses(batch, PASSES, method.phase(0.0))
    assert len(step.outputs) == len(PASSES)
    for images in step.outputs:
        for image in images.values():
            assert not image.requires_grad
            assert (image[~batch.mask] == -1).all()


def test_the_network_trains_no_adversary_and_the_adversary_no_network(method):
    batch = tiny_batch()
    step = method.losses(batch, PASSES, method.phase(0.9))
    gradients(method.network, step.losses)
    losses = method.adversary_losses(batch, PASSES, step.outputs)
    if method.adversary is None:
        assert losses == {}
        return
    assert all(parameter.grad is None for parameter in method.adversary.parameters())
    assert all(parameter.requires_grad for parameter in method.adversary.parameters())
    method.network.zero_grad()
    assert any(g.abs().sum() > 0 for g in gradients(method.adversary, losses).values())
    assert all(parameter.grad is None for parameter in method.network.parameters())


class Forbidden(nn.Module):
    def forward(self, *_):
        raise AssertionError("The adversary, which sees the truth, was asked.")


def test_the_adversary_has_no_part_in_synthesis(method):
    if method.adversary is None:
        return
    inputs = {"us": tiny_batch(size=1).inputs["us"]}
    expected = method.synthesise(inputs, ["t2"])["t2"]
    assert torch.equal(replace(method, adversary=Forbidden()).synthesise(inputs, ["t2"])["t2"], expected)


def test_other_weights_can_stand_in(method):
    batch = tiny_batch(size=1)
    average = type(method).new(method.config, MODALITIES).network
    inputs, seed = {"us": batch.inputs["us"]}, torch.Generator()
    ours = method.synthesise(inputs, ["t2"], generator=seed.manual_seed(0))["t2"]
    theirs = replace(method, network=average).synthesise(inputs, ["t2"], generator=seed.manual_seed(0))["t2"]
    assert not torch.equal(ours, theirs)


#: Method -> steps, Adam's rate, and the part of the first steps' loss that is left.
LEARNING = {"mm-gan": (30, 3e-3, 0.6), "resvit": (30, 3e-3, 0.5), "m2dn": (15, 1e-2, 0.6)}


@pytest.mark.parametrize("name", LEARNING)
def test_it_learns(name):
    """A fixed batch: within so many steps the image loss is a stated part of the first steps'."""
    steps, rate, share = LEARNING[name]
    method, batch = tiny_baseline(name), tiny_batch()
    adam = torch.optim.Adam(method.network.parameters(), rate, method.config.betas)
    image = []
    for number in range(steps):
        losses = method.losses(batch, [Pass(("us",), number)], method.phase(0.9)).losses
        gradients(method.network, losses)
        adam.step()
        image.append(float(losses["image"].detach()))
    assert sum(image[-5:]) < share * sum(image[:5])


def test_adversaries_learn_to_tell_targets_from_outputs():
    for name in ("mm-gan", "resvit"):
        method, batch = tiny_baseline(name), tiny_batch()
        outputs = method.losses(batch, PASSES[:1], method.phase(0.9)).outputs
        adam = torch.optim.Adam(method.adversary.parameters(), 2e-3, method.config.betas)
        first = last = None
        for _ in range(15):
            losses = method.adversary_losses(batch, PASSES[:1], outputs)
            gradients(method.adversary, losses)
            adam.step()
            last = float(losses["discriminator"].detach())
            first = last if first is None else first
        assert last < 0.5 * first


@pytest.mark.parametrize("known", [METHODS, SMALL])
def test_every_method_has_a_name_and_sizes(known):
    assert list(known) == ["mm-gan", "resvit", "m2dn"]
    with torch.device("meta"):
        methods = {name: new_baseline(known[name], MODALITIES) for name in known}
    small = known is SMALL
    for name, method in methods.items():
        assert settings_of(name, "small" if small else "original") == method.config
        if small:
            assert sum(parameter.numel() for parameter in method.network.parameters()) < 5e6


def test_resvit_can_be_had_for_images_of_another_size_and_an_unknown_method_is_refused():
    assert settings_of("resvit", side=192).side == 192
    assert settings_of("mm-gan", side=192) == METHODS["mm-gan"]
    with pytest.raises(InputError, match="There is no method gan; choose among mmhvae, mm-gan, resvit, m2dn"):
        settings_of("gan")


def test_seeds_and_modes_are_given_back():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with seeded(0, torch.device("cpu")):
        inner = torch.rand(1)
    assert torch.equal(torch.rand(1), expected)
    assert not torch.equal(inner, expected)
    network = nn.Dropout()
    with evaluating(network), judging(network):
        assert not network.training
    assert network.training

"""The bound: shared encodings give the plain gradient; on a linear-Gaussian case the experts find the posterior.

The linear-Gaussian case: z ~ N(0, I) in two dimensions, x_j = w_j * z + noise of variance s2, so that the posterior
given any subset is known: precision 1 + sum w_j^2 / s2, mean (sum w_j x_j / s2) / precision, in each dimension.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmhvae.network.experts import DiagonalGaussian, product_of_experts
from mmhvae.network.model import MMHVAE, Encoding, MMHVAEConfig
from mmhvae_training.configuration.configuration import Configuration, DataConfig, LossConfig, MixtureConfig
from mmhvae_training.data.slices import Batch
from mmhvae_training.networks.shared_experts import SharedExpertMMHVAE
from mmhvae_training.objective.elbo import backward_through_encoders, draw_pass, leaves_of, negative_elbo, run_pass
from mmhvae_training.objective.losses import image_loss
from mmhvae_training.objective.subsets import draw_subset, subsets_of
from torch import nn

FOUR = ("us", "t2", "cet1", "flair")
TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)
CONFIG = Configuration(run=Path("run"), data=DataConfig(cases=Path("cases")))


def random_batch(size: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(3)
    images = {name: torch.rand(size, 1, 16, 16, generator=generator) * 2 - 1 for name in FOUR[:3]}
    mask = torch.rand(size, 1, 16, 16, generator=generator) > 0.2
    return Batch(images, images, mask)


def test_shared_encodings_give_the_gradient_of_the_plain_algorithm():
    torch.manual_seed(0)
    plain, shared = MMHVAE(TINY), SharedExpertMMHVAE(TINY)
    shared.load_state_dict(plain.state_dict())
    batch, rng, noise = random_batch(), np.random.default_rng(0), torch.Generator().manual_seed(0)
    subsets = [FOUR[:3], ("us",), ("t2", "cet1")]
    passes = [draw_pass(s, 2, TINY, MixtureConfig(), rng, noise) for s in subsets]

    encoded = []
    for name, encoder in shared.encoders.items():
        encoder.register_forward_hook(lambda *_, name=name: encoded.append(name))
    encodings = shared.encode(batch.inputs)
    leaves = leaves_of(encodings)
    for chosen in passes:
        result = run_pass(shared, leaves, chosen, batch, FOUR, CONFIG.loss)
        negative_elbo(result, 0.001, CONFIG.loss, 4).backward()
    backward_through_encoders(encodings, leaves)
    assert encoded == ["us", "t2", "cet1"]  # once each, for three passes

    total = torch.zeros(())
    for chosen in passes:
        inputs = {name: batch.inputs[name] for name in chosen.subset}
        output = plain(inputs, temperature=1.0, mask=batch.mask, noise=chosen.noise, compute_kl=True)
        losses = [image_loss(output.images[n], batch.targets[n], batch.mask, "l1", 0.0) for n in batch.observed]
        total = total + torch.stack(losses).mean() + 0.001 * output.kl.mean() / (16 * 16 * 4)
    total.backward()

    for (name, expected), found in zip(plain.named_parameters(), shared.parameters(), strict=True):
        if expected.grad is None:
            assert found.grad is None, name  # the encoder and decoder of the modality that is missing
        else:
            torch.testing.assert_close(found.grad, expected.grad, rtol=1e-3, atol=2e-6, msg=name)
    assert plain.encoders["flair"].stem.weight.grad is None


@pytest.mark.parametrize(("observed", "divisor"), [("mean", 2), ("sum", 4)])
def test_the_image_term_is_a_mean_or_a_sum_over_the_observed(observed, divisor):
    result = SimpleNamespace(
        image={"us": torch.tensor(1.0), "t2": torch.tensor(3.0)}, kl_levels=torch.tensor([2.0, 4.0])
    )
    assert negative_elbo(result, 0.5, LossConfig(observed=observed), 4).item() == pytest.approx(4 / divisor + 3)


W = torch.tensor([[1.0, 0.4], [0.5, 0.9], [0.2, 0.6]])  # (modality, dimension)
S2 = 0.25
LINEAR = SimpleNamespace(modalities=FOUR[:3], image_size=2, latent_shapes=((2,),))


class LinearGaussian(nn.Module):
    """One latent level of two numbers, images of 1 x 2 pixels, the true decoder, experts linear in their image."""

    config = LINEAR

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(3, 2))
        self.offset = nn.Parameter(torch.zeros(3, 2))
        self.log_scale = nn.Parameter(torch.zeros(3, 2))

    def encode(self, inputs):
        return {name: Encoding((), image[:, 0, 0]) for name, image in inputs.items()}  # (B, 2)

    def posterior(self, encodings):
        experts = []
        for name, encoding in encodings.items():
            place = FOUR.index(name)
            mean = self.slope[place] * encoding.bottom + self.offset[place]
            experts.append(DiagonalGaussian(mean, self.log_scale[place].expand_as(mean)))
        return product_of_experts(DiagonalGaussian.standard(experts[0].mean), experts)

    def fuse(self, encodings, temperature, generator=None, noise=None, compute_kl=False):
        posterior = self.posterior(encodings)
        prior = DiagonalGaussian.standard(posterior.mean)
        return posterior.sample(temperature, noise[0]), (posterior.kl(prior),)

    def decode(self, z1, targets):
        return {name: (W[FOUR.index(name)] * z1)[:, None, None] for name in targets}


def truth(subset, images):
    """Mean (B, 2) and standard deviation (2,) of the known posterior."""
    weights = W[[FOUR.index(name) for name in subset]]
    precision = 1 + weights.square().sum(0) / S2
    mean = sum(w * images[n][:, 0, 0] for w, n in zip(weights, subset, strict=True)) / S2 / precision
    return mean, precision.rsqrt()


def simulated(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    z = torch.randn(size, 2, generator=generator)
    noise = S2**0.5 * torch.randn(3, size, 2, generator=generator)
    return {name: (w * z + e)[:, None, None] for name, w, e in zip(LINEAR.modalities, W, noise, strict=True)}


def trained(draw_observed, draw_encoded, steps: int = 500) -> tuple[LinearGaussian, Batch]:
    """Maximise the bound of equation 9 to scale: squared loss, sum over the observed, lambda_KL = 2 * S2."""
    network, loss = LinearGaussian(), LossConfig(norm="l2", observed="sum")
    optimiser = torch.optim.Adam(network.parameters(), 0.05)
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * (1 - step / steps)
        observed = draw_observed(rng)
        images = simulated(512, generator)
        seen = {name: images[name] for name in observed}
        batch = Batch(seen, seen, torch.ones(512, 1, 1, 2, dtype=torch.bool))
        chosen = draw_pass(draw_encoded(observed, rng), 512, LINEAR, MixtureConfig(), rng, generator)
        result = run_pass(network, network.encode(seen), chosen, batch, observed, loss)
        optimiser.zero_grad()
        negative_elbo(result, 2 * S2, loss, 3).backward()
        optimiser.step()
    images = simulated(200, generator)
    return network, Batch(images, images, torch.ones(200, 1, 1, 2, dtype=torch.bool))


def test_the_experts_approach_the_known_posterior_for_every_subset():
    """Appendix 7.2: the bound of each mixture component is tight at q(z | x_r') = p(z | x_r').

    Cases observe a subset each, as incomplete data sets do, and what is observed is encoded.
    """
    every = subsets_of(LINEAR.modalities)
    network, test = trained(lambda rng: every[rng.integers(len(every))], lambda observed, rng: observed, steps=800)
    for subset in every:
        found = network.posterior(network.encode({name: test.inputs[name] for name in subset}))
        mean, deviation = truth(subset, test.inputs)
        assert (found.mean - mean).square().mean().sqrt() < 0.1 * mean.square().mean().sqrt(), subset
        torch.testing.assert_close(found.log_scale.exp()[0], deviation, rtol=0.06, atol=0)


def test_where_a_pass_also_synthesises_the_spread_becomes_that_of_the_full_posterior():
    """What appendix 7.2 does not say: the mean is still the posterior's, but the other observed images sharpen it."""
    network, test = trained(lambda rng: LINEAR.modalities, lambda observed, rng: ("us",), steps=400)
    found = network.posterior(network.encode({"us": test.inputs["us"]}))
    mean, own = truth(("us",), test.inputs)
    _, full = truth(LINEAR.modalities, test.inputs)
    torch.testing.assert_close(found.mean, mean, rtol=0, atol=0.1)
    torch.testing.assert_close(found.log_scale.exp()[0], full, rtol=0.06, atol=0)
    assert (found.log_scale.exp()[0] < 0.95 * own).all()


def test_the_mixture_over_subsets_keeps_every_mean_near_the_posteriors():
    """The paper's probabilities on complete cases: one set of experts must serve all subsets at once."""
    network, test = trained(lambda rng: LINEAR.modalities, draw_subset)
    for subset in subsets_of(LINEAR.modalities):
        found = network.posterior(network.encode({name: test.inputs[name] for name in subset}))
        mean, _ = truth(subset, test.inputs)
        error = (found.mean - mean).square().mean().sqrt()
        assert error < 0.35 * mean.square().mean().sqrt(), subset

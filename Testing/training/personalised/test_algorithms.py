"""Algorithms 1 and 2: order, switches, which feature each loss touches, and that all terms fall."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.personalised import algorithms
from mmhvae_training.personalised.algorithms import Constraints, Share, SubVolumes, fine_tuning, pretraining
from mmhvae_training.personalised.configuration import PersonalisedConfig
from mmhvae_training.personalised.network import Features, PersonalisedNetwork

ALL = ("contrastive", "decomposition", "equivariance", "invariance")


class Recorder:
    """A network that computes next to nothing, writes down what is asked of it, and refuses what is of another view.

    The first view is encoded with gradient, the second without: that tells which one is worked on. Features are known
    by being the same object, since z, X' and what the heads judge have one shape.
    """

    def __init__(self, heads: str = "encoder", classes: int | None = None) -> None:
        self.config = SimpleNamespace(heads=heads, classes=classes, missing="mean")
        self.calls: list[str] = []
        self.images: list[torch.Tensor] = []
        self.features, self.fused, self.for_heads = {}, {}, {}

    def encode(self, image):
        first = torch.is_grad_enabled()
        self.calls.append("E" if first else "E without gradient")
        self.images.append(image)
        features = Features(image.mean((1, 2, 3, 4))[:, None, None, None, None], (image,) * 4, image)
        self.features[first] = features
        self.fused.pop(first, None)
        return features

    def personalise(self, z):
        self.calls.append("O")
        first = torch.is_grad_enabled()
        assert z is self.features[first].z
        self.fused[first] = z + 1
        return self.fused[first]

    def judged(self, z, fused):
        first = torch.is_grad_enabled()
        assert z is self.features[first].z
        assert fused is self.fused.get(first, z)  # the second view passes the prior only where X' is judged
        self.for_heads[first] = (z if self.config.heads == "encoder" else fused).clone()
        return self.for_heads[first]

    def rotation_logits(self, judged):
        self.calls.append(f"rotation on {'z' if self.config.heads == 'encoder' else 'X'}")
        assert judged is self.for_heads[True]
        return judged.flatten(1).expand(-1, 4)

    def contrastive_vectors(self, judged):
        self.calls.append("contrast")
        assert judged is self.for_heads[torch.is_grad_enabled()]
        return judged.flatten(1) + torch.eye(len(judged))

    def decode(self, fused, features):
        self.calls.append("D")
        assert fused is self.fused[True]
        assert features is self.features[True]
        return features.image


def batch(seed: int = 0, size: int = 2, **labels) -> SubVolumes:
    images = torch.randn(size, 4, 6, 4, 4, generator=torch.Generator().manual_seed(seed))
    return SubVolumes(images, images > 0, **labels)


def test_pretraining_goes_through_the_pseudo_code_in_order(monkeypatch):
    network, touched = Recorder(), []
    monkeypatch.setattr(
        algorithms, "invariance_loss", lambda fused, anchor: touched.append((fused, anchor)) or fused.mean() * 0
    )
    updates = list(pretraining(network, batch(), Constraints(), torch.Generator().manual_seed(3)))
    one = ["E", "O", "rotation on z", "E without gradient", "contrast", "contrast", "D"]
    assert network.calls == one * 4
    assert [set(update) - {"loss"} for update in updates] == [set(ALL) - {"invariance"}, *[set(ALL)] * 3]
    fused, anchors = zip(*touched, strict=True)
    torch.testing.assert_close(anchors[2], (anchors[1] + fused[1]) / 2)
    for update in updates:
        torch.testing.assert_close(update["loss"], sum(value for name, value in update.items() if name != "loss"))


@pytest.mark.parametrize("off", ALL)
def test_every_term_has_a_switch(off):
    updates = list(pretraining(Recorder(), batch(), Constraints(**{off: False}), torch.Generator().manual_seed(3)))
    names = set().union(*updates)
    assert off not in names
    assert set(ALL) - {off} <= names


def test_inpainting_asks_for_the_own_input_before_anything_was_cut_out(monkeypatch):
    only = Constraints(contrastive=False, decomposition=False, equivariance=False, invariance=False, inpainting=True)
    monkeypatch.setattr(algorithms, "cut_out", lambda volumes, generator: volumes + 0.25)
    updates = list(pretraining(Recorder(), batch(), only, torch.Generator().manual_seed(3)))  # D gives its input back
    assert [set(update) for update in updates] == [{"loss", "inpainting"}] * 4
    assert [float(update["inpainting"]) for update in updates] == pytest.approx([0.25] * 4)


def test_with_fused_heads_both_views_pass_the_prior():
    network = Recorder(heads="fused")
    next(pretraining(network, batch(), Constraints(), torch.Generator()))
    assert network.calls[:3] == ["E", "O", "rotation on X"]
    assert network.calls[3:5] == ["E without gradient", "O"]


def test_devices_see_between_them_what_one_device_sees():
    """Both views of every modality, pieces of each other's sub-volumes included; and all go on from the same draws."""
    one, halves = Recorder(), (Recorder(), Recorder())
    generators = [torch.Generator().manual_seed(3) for _ in range(3)]
    given, terms = batch(size=4), Constraints()
    list(pretraining(one, given, terms, generators[0]))
    for rank, (half, generator) in enumerate(zip(halves, generators[1:], strict=True)):
        list(pretraining(half, given, terms, generator, Share(rank, 2)))
    for whole, *parts in zip(one.images, *(half.images for half in halves), strict=True):
        assert torch.equal(whole, torch.cat(parts))
    assert len({generator.get_state().numpy().tobytes() for generator in generators}) == 1


def test_decomposition_compares_with_images_that_are_neither_turned_nor_cut(monkeypatch):
    compared = []
    monkeypatch.setattr(
        algorithms, "decomposition_loss", lambda output, images, foreground: compared.append(images) or output.mean()
    )
    monkeypatch.setattr(algorithms, "cut_out", lambda volumes, generator: volumes)
    given, outputs = batch(), []
    monkeypatch.setattr(algorithms, "turned_back", lambda volumes, turns: outputs.append((volumes, turns)) or volumes)
    only = Constraints(contrastive=False, equivariance=False, invariance=False)
    list(pretraining(Recorder(), given, only, torch.Generator().manual_seed(0)))
    assert all(torch.equal(images, given.images) for images in compared)
    assert any(turns.any() for _, turns in outputs)


def test_fine_tuning_takes_the_subsets_in_turn_and_refuses_foreign_labels():
    labels = torch.randint(0, 3, (2, 6, 4, 4), generator=torch.Generator().manual_seed(0))
    network = Recorder(classes=4)
    updates = list(fine_tuning(network, batch(labels=labels), [(0,), (1, 2)], Constraints()))
    assert network.calls == ["E", "O", "D"] * 2
    assert [set(update) for update in updates] == [{"loss", "task"}, {"loss", "task", "invariance"}]
    with pytest.raises(ValueError, match="between 0 and 2"):
        list(fine_tuning(Recorder(classes=3), batch(labels=labels + 1), [(0,)], Constraints()))
    with pytest.raises(ValueError, match="with labels"):
        list(fine_tuning(network, batch(), [(0,)], Constraints()))


@pytest.mark.parametrize("terms", [("contrastive", "decomposition", "equivariance"), ("invariance",)], ids=str)
def test_training_on_one_crop_lowers_every_term(terms):
    """Invariance by itself: a network that has learnt nothing yet tells modalities apart less than one that has."""
    torch.manual_seed(0)
    sizes = {"crop": (32, 32, 32), "feature_size": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8)}
    network = PersonalisedNetwork(PersonalisedConfig(("t1", "t2"), window_size=4, norm="group", **sizes))
    smooth = torch.nn.functional.interpolate(torch.randn(2, 2, 4, 4, 4), size=(32, 32, 32), mode="trilinear")
    sub_volumes = SubVolumes(smooth, smooth.abs() > 0.2)
    constraints = Constraints(**{name: name in terms for name in ALL})
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    history: list[dict[str, float]] = []
    for _ in range(4):
        for losses in pretraining(network, sub_volumes, constraints, torch.Generator().manual_seed(1)):
            optimiser.zero_grad()
            losses["loss"].backward()
            optimiser.step()
            history.append({name: value.item() for name, value in losses.items()})
    for name in terms:
        values = [losses[name] for losses in history if name in losses]
        assert values[-1] < values[0], name

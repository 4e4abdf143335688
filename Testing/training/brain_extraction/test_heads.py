"""Heads that the brain extractor learns from: what is brain, what is seen, and that they are all different."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmhvae import InputError
from mmhvae_training.brain_extraction.brain_configuration import BrainConfiguration, HeadsConfig
from mmhvae_training.brain_extraction.heads import draw_head, draw_shape
from mmhvae_training.segmentation import read_patient

SMALL = HeadsConfig(Path("brats"), Path("split.json"), spacing=1.5, smallest=32, largest=64)
SHAPE = (48, 48, 48)


@pytest.fixture(scope="module")
def patient(brats):
    return read_patient(brats / "a", ("t1", "cet1", "t2", "flair"))


def heads(patient, data, seeds=range(8)):
    return [draw_head(patient, data, SHAPE, torch.Generator().manual_seed(seed)) for seed in seeds]


def test_of_a_stripped_brain_all_tissue_is_brain(patient):
    for head in heads(patient, replace(SMALL, heads=0.0)):
        if head.brain.sum() > 500:
            air = head.image[head.brain == 0].median()
            brighter = head.image > air + 0.5 * (head.image[head.brain > 0].median() - air)
            assert 2 * (brighter * head.brain).sum() / (brighter.sum() + head.brain.sum()) > 0.9


def test_a_head_has_tissue_beside_the_brain_and_the_brain_stays_where_it_was(patient):
    shown = 0
    for bare, head in zip(
        heads(patient, replace(SMALL, heads=0.0)), heads(patient, replace(SMALL, heads=1.0)), strict=True
    ):
        assert head.image.shape == head.brain.shape == SHAPE
        assert set(head.brain.unique().tolist()) <= {0.0, 1.0}
        shown += int((head.image[head.brain == 0] > head.image.min() + 0.5).sum() > (bare.brain == 0).sum() * 0.02)
    assert shown >= 6


def test_a_head_is_a_function_of_its_seed_alone(patient):
    first, again = heads(patient, SMALL, range(3)), heads(patient, SMALL, range(3))
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one.image, two.image)
        assert torch.equal(one.brain, two.brain)
    assert len({float(head.image.sum()) for head in first}) == 3


def test_contrasts_are_drawn_by_their_weights(patient):
    data, dark = replace(SMALL, weights=(0.0, 0.0, 1.0, 0.0)), patient.images.copy()
    dark[[0, 1, 3]] = 0
    for head, other in zip(heads(patient, data), heads(replace(patient, images=dark), data), strict=True):
        assert torch.equal(head.image, other.image)
    assert any(bool(head.image.any()) for head in heads(patient, data))


def test_shapes_lie_within_the_bounds_and_fit_the_network():
    sides = {side for seed in range(20) for side in draw_shape(SMALL, 16, torch.Generator().manual_seed(seed))}
    assert sides == {32, 48, 64}


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"heads": 1.2}, "data.heads"), ({"spacing": 0.2}, "data.spacing"), ({"smallest": 90}, "data.smallest")]
    + [({"weights": weights}, "data.weights") for weights in ((1.0, 1.0), (0.0,) * 4, (1.0, -1.0, 1.0, 1.0))],
)
def test_what_cannot_be_drawn_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        replace(SMALL, **changes)


def test_sides_that_do_not_fit_the_network_are_refused():
    with pytest.raises(InputError, match="divisible by 16"):
        BrainConfiguration(run=Path("run"), data=replace(SMALL, largest=60))

"""Windows cover everything, agree with the network itself, and spread tells how far mirrored views differ."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from mmhvae.exceptions import no_progress
from mmhvae.segmentation import TumourUNet, UNetConfig, log_probabilities
from mmhvae.segmentation.tumour import look_of
from mmhvae.segmentation.windows import FLIPS, outline, window_starts


@pytest.mark.parametrize(("length", "side", "overlap"), [(10, 16, 0.25), (16, 16, 0.25), (17, 16, 0.0), (200, 96, 0.5)])
def test_windows_cover_the_length_and_overlap_at_least_as_asked(length, side, overlap):
    starts = window_starts(length, side, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - side)
    assert all(b - a <= side * (1 - overlap) for a, b in pairwise(starts))


def small_network() -> TumourUNet:
    torch.manual_seed(1)
    return TumourUNet(UNetConfig(channels=(4, 8))).eval()


def test_one_window_is_the_mean_of_the_mirrored_networks_answers():
    network, images, present = small_network(), torch.randn(4, 8, 12, 8), torch.ones(4)
    found = outline(look_of(network, present, torch.float32), 3, images, (8, 12, 8), 8, 0.0, no_progress)
    answers = []
    with torch.no_grad():
        for axes in FLIPS:
            turn = [axis + 1 for axis in axes]
            answers.append(log_probabilities(network(images.flip(turn)[None], present[None]))[0].exp().flip(turn))
    assert len(set(FLIPS)) == 8
    torch.testing.assert_close(found.probability, torch.stack(answers).mean(0))
    torch.testing.assert_close(found.spread, torch.stack(answers).std(0, correction=0))


def test_small_and_odd_volumes_are_padded_with_air_and_cut_back():
    look = look_of(small_network(), torch.ones(4), torch.float32)
    found = outline(look, 3, torch.randn(4, 5, 23, 9), (8, 8, 8), 1, 0.5, print)
    assert found.probability.shape == found.spread.shape == (3, 5, 23, 9)
    assert (found.probability.diff(dim=0) <= 1e-6).all()
    assert not found.spread.any()

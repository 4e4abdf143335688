"""Scores against their definitions; AutoPET's metrics against every row of the paper's tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.personalised.inputs import all_subsets
from mmhvae_training.personalised.lesion_detection import lesion_metrics
from mmhvae_training.personalised.published import AUTOPET, AUTOPET_CASES, single_and_full
from mmhvae_training.personalised.tables import (
    by_missing,
    region_dice,
    score_subsets,
    score_transfer,
    subset_table,
    transfer_score,
    transfer_table,
)

NAMES = ("t1", "cet1", "t2", "flair")


def volume(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(8, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("protocol", ["whole", "brain"])
def test_transfer_scores_are_their_definitions_and_brain_looks_at_the_brain_alone(protocol):
    truth, brain = volume(), np.zeros((8, 8, 8), bool)
    brain[2:6] = True
    output = truth + 0.1 * volume(1)
    psnr, nmse, ssim = transfer_score(output, truth, brain, protocol)
    inside = brain if protocol == "brain" else np.ones_like(brain)
    error = (output - truth)[inside] ** 2
    assert psnr == pytest.approx(10 * np.log10((truth.max() - truth.min()) ** 2 / error.mean()), rel=1e-4)
    assert nmse == pytest.approx(error.sum() / (truth[inside] ** 2).sum(), rel=1e-4)
    assert 0.9 < ssim < 1
    spoilt = np.where(brain, output, 9.0).astype(np.float32)
    assert (transfer_score(spoilt, truth, brain, protocol)[0] == pytest.approx(psnr)) is (protocol == "brain")


def test_the_released_protocol_forgives_background_shift_and_scale():
    truth, brain = volume(), np.zeros((8, 8, 8), bool)
    brain[:, 2:6] = True
    truth = (truth - truth.mean()) / truth.std()
    psnr, nmse, _ = transfer_score(5 * truth + 3, truth, brain, "released")
    assert nmse < 1e-9
    assert psnr > 60


def test_every_source_is_scored_against_every_target():
    images = torch.from_numpy(np.stack([volume(seed) for seed in range(4)]))
    copies = lambda given, present: given  # noqa: E731
    rows = score_transfer(copies, "a", images, torch.ones(8, 8, 8, dtype=torch.bool), NAMES, "whole")
    assert len(rows) == 16
    assert all(row.nmse < 1e-9 for row in rows)
    assert transfer_table(rows, NAMES).count("/ 0.000 / 1.000") == 16


def test_regions_are_nested_and_small_enhancement_is_forgotten_where_asked():
    truth = np.zeros((20, 20, 20), int)
    truth[2:10, 2:10, 2:10], truth[3:9, 3:9, 3:9], truth[4:7, 4:7, 4:7] = 1, 2, 3
    assert region_dice(truth, truth) == pytest.approx({"WT": 1, "TC": 1, "ET": 1, "ET*": 0}, abs=1e-6)
    nothing = np.zeros_like(truth)
    assert region_dice(nothing, nothing) == {"WT": 1, "TC": 1, "ET": 1, "ET*": 1}
    assert region_dice(np.minimum(truth, 2), truth)["ET"] == pytest.approx(0, abs=1e-6)


def test_fifteen_subsets_are_grouped_by_how_many_are_missing():
    labels = torch.zeros(8, 8, 8, dtype=torch.long)
    labels[2:5] = 1

    def predict(images, present):
        right = torch.nn.functional.one_hot(labels, 4).movedim(-1, 0)[None].float()
        return right if 3 in present else torch.zeros_like(right)  # all background without FLAIR

    rows = score_subsets(predict, "a", torch.zeros(4, 8, 8, 8), labels, NAMES)
    assert [row.subset for row in rows] == [tuple(NAMES[i] for i in subset) for subset in all_subsets(4)]
    grouped = by_missing(rows, 4)
    assert [grouped[missing]["WT"][0] for missing in range(4)] == pytest.approx([1, 3 / 4, 3 / 6, 1 / 4], abs=1e-6)
    assert grouped[3]["WT"][1] == pytest.approx(0.5, abs=1e-6)
    text = subset_table(rows, single_and_full())
    assert "| flair | 100.0 (89.2) |" in text
    assert "| t1, t2 | 0.0 |" in text


@pytest.mark.parametrize("row", AUTOPET)
def test_the_decoded_definition_fits_the_published_tables(row):
    dice, dice_minus, tpr, tnr, fnr, fpr = AUTOPET[row]
    positive, negative = AUTOPET_CASES
    false_alarms = round(negative * fpr / 100)
    assert dice_minus / dice == pytest.approx((positive + false_alarms) / positive, rel=3e-3)
    assert tpr + fnr == pytest.approx(100, abs=0.02)
    assert tnr + fpr == pytest.approx(100, abs=0.02)
    assert 100 * round(positive * tpr / 100) / positive == pytest.approx(tpr, abs=0.01)


def test_lesion_metrics_count_cases_and_punish_false_alarms():
    lesion, none = np.array([1, 1, 0, 0], bool), np.zeros(4, bool)
    half = np.array([1, 0, 1, 0], bool)
    metrics = lesion_metrics([half, none, none, lesion, none], [lesion, lesion, none, none, none])
    assert metrics.dice_minus == pytest.approx(100 * 0.5 / 2)
    assert metrics.dice == pytest.approx(100 * 0.5 / 3)
    assert (metrics.tpr, metrics.fnr) == (50, 50)
    assert (metrics.tnr, metrics.fpr) == pytest.approx((200 / 3, 100 / 3))
    with pytest.raises(ValueError, match="with and without"):
        lesion_metrics([lesion], [lesion])

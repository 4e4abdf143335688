"""Dice of tumour regions by subset against hand-made maps, and the two tables of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.judging.personalised.published import TABLE_3, published_subsets
from mmhvae_training.judging.personalised.reports import by_missing, subset_report
from mmhvae_training.judging.personalised.subsets import region_dice, score_subsets
from mmhvae_training.personalised.inputs import all_subsets
from mmhvae_training.personalised.volumes import PatientVolume

NAMES = ("t1", "cet1", "t2", "flair")


def test_regions_are_nested_and_small_enhancement_is_forgotten_where_asked():
    truth = np.zeros((20, 20, 20), int)
    truth[2:10, 2:10, 2:10], truth[3:9, 3:9, 3:9], truth[4:7, 4:7, 4:7] = 1, 2, 3
    assert region_dice(truth, truth) == pytest.approx((1, 1, 1, 0), abs=1e-6)
    assert region_dice(truth, truth, fewest=27)[3] == 1
    nothing = np.zeros_like(truth)
    assert region_dice(nothing, nothing) == (1, 1, 1, 1)
    assert region_dice(np.minimum(truth, 2), truth)[2] == pytest.approx(0, abs=1e-6)


@pytest.fixture
def rows():
    """Of a network that finds the whole tumour wherever it sees FLAIR, and nothing without."""
    labels = torch.zeros(8, 8, 8, dtype=torch.long)
    labels[2:5] = 1

    def predict(images, present):
        right = torch.nn.functional.one_hot(labels, 4).movedim(-1, 0)[None].float()
        return right if 3 in present else torch.zeros_like(right)  # all background without FLAIR

    volume = PatientVolume("a", torch.zeros(4, 8, 8, 8), torch.ones(4, 8, 8, 8, dtype=torch.bool), labels)
    return score_subsets(predict, volume, NAMES, 2)


def test_fifteen_subsets_are_grouped_by_how_many_are_missing(rows):
    assert [row.subset for row in rows] == ["+".join(NAMES[i] for i in subset) for subset in all_subsets(4)]
    grouped = by_missing(rows, "wt")
    means = [grouped[missing][0] for missing in ("0", "1", "2", "3", "all")]
    assert means == pytest.approx([100, 75, 50, 25, 100 * 8 / 15], abs=1e-4)
    assert grouped["3"][1] == pytest.approx(50, abs=1e-4)


def test_the_report_stands_beside_what_the_paper_has(rows):
    text = subset_report({"own": rows}, "told")
    assert "| WT | own | 100.0 | 75.0 (50.0) | 50.0 (54.8) | 25.0 (50.0) | 53.3 (51.6) |" in text
    assert "| WT | *X_h, paper* | 91.2 | 89.5 (1.8) | 87.5 (1.0) | 85.2 (3.9) | 87.6 (3.2) |" in text
    assert "| flair | 3 | 1 | 100.0 | *89.2* |" in text
    assert "| t1+t2 | 2 | 1 | 0.0 | - |" in text
    assert "| mean | 1 | 1 | 75.0 | *89.5* |" in text


@pytest.mark.parametrize("region", TABLE_3)
def test_table_3_follows_from_the_columns_of_table_10_that_are_known(region):
    numbers = published_subsets(region, NAMES)["X_h"]
    alone = [numbers[name, "3"] for name in NAMES]
    assert np.mean(alone) == pytest.approx(TABLE_3[region]["3"][0], abs=0.006)
    assert numbers["+".join(NAMES), "0"] == TABLE_3[region]["0"][0]

"""AutoPET's metrics against every row of the paper's tables, and against cases counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.judging.personalised.lesion_detection import lesion_metrics
from mmhvae_training.judging.personalised.published import AUTOPET, AUTOPET_CASES


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

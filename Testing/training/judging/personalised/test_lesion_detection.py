"""AutoPET's metrics against every row of the paper's tables, and against cases counted by hand."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae import InputError
from mmhvae_training.judging.personalised.lesion_detection import LesionScore, lesion_metrics, score_lesions
from mmhvae_training.judging.personalised.published import AUTOPET
from mmhvae_training.judging.personalised.reports import lesion_report
from mmhvae_training.personalised.volumes import PatientVolume

#: Test cases with and without lesions: the only numbers that all rows of the paper agree with.
AUTOPET_CASES = (93, 110)


@pytest.mark.parametrize("row", AUTOPET)
def test_the_decoded_definition_fits_the_published_tables(row):
    dice, dice_minus, tpr, tnr, fnr, fpr = AUTOPET[row]
    positive, negative = AUTOPET_CASES
    false_alarms = round(negative * fpr / 100)
    assert dice_minus / dice == pytest.approx((positive + false_alarms) / positive, rel=3e-3)
    assert tpr + fnr == pytest.approx(100, abs=0.02)
    assert tnr + fpr == pytest.approx(100, abs=0.02)
    assert 100 * round(positive * tpr / 100) / positive == pytest.approx(tpr, abs=0.01)


def score(truth: int, found: int, both: int) -> LesionScore:
    return LesionScore("a", truth, found, both)


def test_lesion_metrics_count_cases_and_punish_false_alarms():
    half, missed, empty, false_alarm = score(2, 2, 1), score(2, 0, 0), score(0, 0, 0), score(0, 2, 0)
    metrics = lesion_metrics([half, missed, empty, false_alarm, empty])
    assert metrics.dice_minus == pytest.approx(100 * 0.5 / 2)
    assert metrics.dice == pytest.approx(100 * 0.5 / 3)
    assert (metrics.tpr, metrics.fnr) == (50, 50)
    assert (metrics.tnr, metrics.fpr) == pytest.approx((200 / 3, 100 / 3))
    with pytest.raises(InputError, match="with and without"):
        lesion_metrics([half])


def test_a_patient_is_seen_with_all_modalities():
    labels = torch.zeros(4, 4, 4, dtype=torch.long)
    labels[:2, 0, 0] = 1
    volume = PatientVolume("a", torch.zeros(2, 4, 4, 4), torch.ones(2, 4, 4, 4, dtype=torch.bool), labels)

    def predict(images, present):
        assert present == (0, 1)
        found = torch.zeros(1, 2, 4, 4, 4)
        found[:, 1, 1:3, 0, 0] = 9
        return found

    assert score_lesions(predict, volume) == [LesionScore("a", 2, 2, 1)]


def test_the_report_lists_every_run_above_the_papers():
    runs = {"all": [score(2, 2, 1), score(0, 0, 0)], "plain": [score(2, 2, 2), score(0, 1, 0)]}
    text = lesion_report(runs, "told.")
    assert "| all | 50.00 | 50.00 | 100.00 | 100.00 | 0.00 | 0.00 |" in text
    assert "| plain | 50.00 | 100.00 | 100.00 | 0.00 | 0.00 | 100.00 |" in text
    assert "| *X_h, paper* | 48.20 | 61.16 | 88.17 | 77.27 | 11.83 | 22.72 |" in text
    assert "p, all - plain" in text

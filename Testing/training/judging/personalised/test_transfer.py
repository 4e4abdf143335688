"""Transfer scores against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.judging.personalised.published import OTHERS, published_transfer
from mmhvae_training.judging.personalised.transfer import PROTOCOLS, score_transfer, transfer_score
from mmhvae_training.personalised.volumes import PatientVolume

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


def test_the_released_protocol_forgives_the_background_and_what_all_modalities_have_in_common():
    truth, brain = np.stack([volume(0), volume(1)]), np.zeros((8, 8, 8), bool)
    brain[:, 2:6] = True
    truth = 3 + truth  # a part of a volume is no z-score by itself
    foreground = torch.from_numpy(np.broadcast_to(brain, truth.shape).copy())
    patient = PatientVolume("a", torch.from_numpy(truth), foreground, None)
    made = torch.from_numpy(5 * truth + 3)[None]
    rows = score_transfer(lambda given, present: made, patient, ("ct", "pet"), ("released",))
    straight = [row for row in rows if row.source == row.target]
    assert all(row.nmse < 1e-9 and row.psnr > 60 for row in straight)
    shifted = made + torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1, 1)  # not in common
    rows = score_transfer(lambda given, present: shifted, patient, ("ct", "pet"), ("released",))
    assert min(row.nmse for row in rows) > 1e-3
    wild = torch.where(foreground, torch.from_numpy(truth), -truth.std())
    assert transfer_score(wild[0].numpy(), truth[0], brain, "released")[1] < 1e-9  # the background is the truth's


def test_every_source_is_scored_against_every_target_in_every_protocol():
    images = torch.from_numpy(np.stack([volume(seed) for seed in range(4)]))
    patient = PatientVolume("a", images, torch.ones(4, 8, 8, 8, dtype=torch.bool), None)
    rows = score_transfer(lambda given, present: given, patient, NAMES)
    assert {(row.source, row.target, row.protocol) for row in rows} == {
        (source, target, protocol) for source in NAMES for target in NAMES for protocol in PROTOCOLS
    }
    assert all(row.nmse < 1e-9 for row in rows if row.protocol != "released")


def test_the_published_mean_is_that_of_the_twelve_true_transfers():
    numbers = published_transfer("psnr")["X_h"]
    assert len(numbers) == 17
    others = [numbers[source, target] for source in NAMES for target in NAMES if source != target]
    assert numbers[OTHERS] == pytest.approx(np.mean(others))
    assert (numbers["t1", "t2"], numbers["t2", "flair"]) == (30.756, 32.224)  # Table 1

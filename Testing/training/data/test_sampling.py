"""The training set, and which case a step draws."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mmhvae import InputError
from mmhvae.network.model import MMHVAEConfig
from mmhvae_training.configuration.configuration import Configuration, DataConfig
from mmhvae_training.data.sampling import Sampler, load_training_set

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2)


@pytest.fixture
def data(case_folder) -> DataConfig:
    return DataConfig(cases=case_folder, spacing=1.0, batch_size=2, slices="scattered")


def test_an_epoch_draws_once_from_every_case(data):
    sampler = Sampler(load_training_set(data, TINY), Configuration(run=Path("run"), data=data, architecture=TINY))
    assert sampler.steps_per_epoch == 3
    rng = np.random.default_rng(0)
    drawn = [sampler.draw(step, rng).observed for step in range(30)]
    assert all(len(set(drawn[start : start + 3])) == 3 for start in range(0, 30, 3))
    assert len({tuple(drawn[start : start + 3]) for start in range(0, 30, 3)}) > 2  # in another order each


def test_incomplete_cases_are_drawn_as_often_as_asked(data, case_folder, tmp_path):
    for number, folder in enumerate(("whole", "rest", "rest")):
        shutil.copytree(case_folder / f"case-{number}", tmp_path / folder / f"case-{number}")
    data = replace(data, cases=tmp_path / "whole", incomplete=tmp_path / "rest", incomplete_share=0.3, order="random")
    sampler = Sampler(load_training_set(data, TINY), Configuration(run=Path("run"), data=data, architecture=TINY))
    rng = np.random.default_rng(0)
    counts = Counter(len(sampler.draw(step, rng).observed) == 4 for step in range(300))
    assert counts[False] / 300 == pytest.approx(0.3, abs=0.07)


def test_only_the_cases_of_the_split_are_read(data, tmp_path):
    (tmp_path / "splits.csv").write_text("case,split\ncase-0,train\ncase-1,test\ncase-2,train\n")
    found = load_training_set(replace(data, splits=tmp_path / "splits.csv"), TINY)
    assert [case.name for case in found.cases] == ["case-0", "case-2"]
    with pytest.raises(InputError, match=r"puts no case of .* into the split 'validation'"):
        load_training_set(replace(data, splits=tmp_path / "splits.csv", split="validation"), TINY)


def test_a_modality_that_no_case_has_is_refused_or_allowed_as_configured(data):
    five = replace(TINY, modalities=(*TINY.modalities, "dwi"))
    with pytest.raises(InputError, match=r"No case has dwi; .*set data.unseen_modality to train_the_rest"):
        load_training_set(data, five)
    found = load_training_set(replace(data, unseen_modality="train_the_rest"), five)
    assert found.modalities == set(TINY.modalities)


def test_an_empty_data_set_says_so(data, tmp_path):
    with pytest.raises(InputError, match="is empty; give a folder"):
        load_training_set(replace(data, cases=tmp_path), TINY)

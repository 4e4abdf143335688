"""What is told about inputs unlike the training images; what is like them is passed in silence."""

from __future__ import annotations

from types import SimpleNamespace

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae.bundle.shipped import demo_case
from MMHVAESynthesisLib.synthesis.input_warnings import warnings_of

from ..made_nodes import fan, volume


def warnings(**nodes):
    return warnings_of(SimpleNamespace(volumes=nodes))


def scaled(factor: float):
    return volume(fan(), np.diag([factor, factor, factor, 1.0]))


CASES = [
    ("us", lambda: volume(fan()), ""),
    ("us", lambda: scaled(2.0), "voxels of 2 x 2 x 2 mm"),
    ("us", lambda: scaled(0.05), "voxels of 0.05"),
    ("us", lambda: scaled(0.3), "only 12 mm"),
    ("us", lambda: volume(fan() // 2 + 20), "100% of the iUS is above 0"),
    ("us", lambda: volume(np.where(fan() > 250, fan(), 0)), "of the iUS shows something"),
    ("us", lambda: volume(fan().astype(np.int16) - 30), "below 0"),
    ("us", lambda: volume((fan() > 0).astype(np.uint8)), "very few grey levels"),
    ("us", lambda: volume(np.minimum(fan(), 40)), "saturated"),
    ("us", lambda: volume(np.where(fan() > 0, 255 - fan() // 8, 0)), "spread unlike"),
    ("t2", lambda: volume(fan().astype(np.int16) - 30), ""),
    ("t2", lambda: volume((fan() > 0).astype(np.uint8)), "The T2 has very few grey levels"),
    ("us", lambda: volume(np.full((20, 20, 20), np.nan, np.float32)), ""),
    ("us", lambda: volume(np.zeros((1, 20, 20), np.uint8)), ""),
]


@pytest.mark.parametrize(("modality", "make", "words"), CASES)
def test_each_finding_is_one_sentence(scene, modality, make, words):
    found = warnings(**{modality: make()})
    assert bool(found) == bool(words), found
    assert any(words in sentence for sentence in found) or not words
    assert all(sentence.endswith((".", "?")) and "\n" not in sentence for sentence in found)


@pytest.mark.parametrize("name", ["t2", "cet1", "flair"])
def test_the_demo_case_is_nothing_to_warn_about(scene, name):
    assert warnings(**{name: slicer.util.loadVolume(str(demo_case() / f"preop-{name}.nii.gz"))}) == []


def test_real_sweeps_are_nothing_to_warn_about(scene, shared_data):
    for path in sorted((shared_data / "resect").glob("*-us.nii.gz")):
        assert warnings(us=slicer.util.loadVolume(str(path))) == [], path.name

"""Rating a bundle: the correlation with the truth in the field of view, written into the manifest and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import load_bundle
from mmhvae.bundle import MANIFEST, Bundle, Manifest, save_bundle
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.judging import TARGETS, EvaluationCase, SynthesisedCase
from mmhvae_training.judging.syntheses import Synthesis
from rate_bundle import strength_of, write_strength

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_blocks=1)


def test_the_strength_is_the_correlation_in_the_field_of_view() -> None:
    rng = np.random.default_rng(0)
    truths = {name: rng.standard_normal((10, 12, 14)).astype(np.float32) for name in TARGETS}
    inside = np.zeros((10, 12, 14), np.uint8)
    inside[2:8, 2:8, 2:8] = 1
    half = truths["cet1"] + rng.standard_normal(inside.shape).astype(np.float32)
    made = {"t2": 3 * truths["t2"] + 1, "cet1": half, "flair": -truths["flair"]}
    made["t2"][inside == 0] = 9  # what lies outside does not count
    images, real = ({n: sitk.GetImageFromArray(a) for n, a in arrays.items()} for arrays in (made, truths))
    mask = sitk.GetImageFromArray(inside)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    simulated = EvaluationCase("case-1", mask, real, mask, real, identity, np.zeros((1, 3)), 1)
    found = strength_of(SynthesisedCase(simulated, Synthesis(images, {}, mask)))
    expected = np.corrcoef(half[inside > 0], truths["cet1"][inside > 0])[0, 1]
    assert found == pytest.approx({"t2": 1.0, "cet1": expected, "flair": 0.0}, abs=1e-5)


def test_only_the_manifest_says_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    bundle = Bundle(MMHVAE(TINY).eval(), Manifest("tiny", TINY, 1.0, "MIT", "tests"), "card")
    folder = save_bundle(bundle, tmp_path / "tiny")
    before = json.loads((folder / MANIFEST).read_text())
    write_strength(folder, {"t2": 0.5, "cet1": 0.25, "flair": 0.0})
    assert load_bundle(folder).manifest.strength == {"t2": 0.5, "cet1": 0.25, "flair": 0.0}
    assert {k: v for k, v in json.loads((folder / MANIFEST).read_text()).items() if k != "strength"} == before
    with pytest.raises(InputError, match="no bundle's folder"):
        write_strength(tmp_path, {"t2": 0.5})

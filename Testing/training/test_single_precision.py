"""What is published is made in single precision, whatever the processor offers."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.bundle import Bundle, Manifest
from mmhvae.compute import half_precision
from mmhvae.images import image_on
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training import single_precision

TRAINING = Path(__file__).resolve().parents[2] / "Training"
FUNCTIONS = {name for name in vars(single_precision) if f"_{name}" in vars(single_precision)}
TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


def test_nothing_takes_the_cores_own_functions():
    """But what users of MONAI's bundle run, who want the core's speed."""
    assert {"synthesize", "segment_tumour", "outline_ultrasound"} == FUNCTIONS
    own = {TRAINING / "mmhvae_training" / name for name in ("single_precision.py", "export/monai_inference.py")}
    wrong = []
    for path in set(TRAINING.rglob("*.py")) - own:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mmhvae":
                wrong += [f"{path.name}: {alias.name}" for alias in node.names if alias.name in FUNCTIONS]
    assert wrong == []


def test_images_are_those_of_a_processor_without_bfloat16(monkeypatch):
    torch.manual_seed(0)
    bundle = Bundle(MMHVAE(TINY).eval(), Manifest("tiny", TINY, 1.0, "MIT", "tests", weights_sha256="tiny"), "")
    us = image_on(np.random.default_rng(0).uniform(20, 250, (16, 18, 14)).astype(np.float32), sitk.Image(14, 18, 16, 2))
    made = {}
    for offered in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda offered=offered: offered, raising=False)
        assert (half_precision(torch.device("cpu")) is not None) == offered
        found = single_precision.synthesize(bundle, {"us": us}, ["t2"], samples=1, device="cpu")
        made[offered] = sitk.GetArrayFromImage(found.images["t2"])
    assert np.array_equal(made[True], made[False])

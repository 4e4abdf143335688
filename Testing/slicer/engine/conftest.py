"""A tiny bundle and an ultrasound as files, engines, and who uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import image_on
from MMHVAESynthesisLib.engine.client import Engine

from .users import CONFIG, User


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_bundle) -> Path:
    """A tiny bundle, and an oblique, left-handed ultrasound-like volume."""
    folder = tmp_path_factory.mktemp("files")
    tiny_bundle(CONFIG).rename(folder / "bundle")
    rng = np.random.default_rng(0)
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    direction[:, 0] *= -np.sign(np.linalg.det(direction))
    grid = sitk.Image((22, 20, 24), sitk.sitkFloat32)
    grid.SetDirection(direction.ravel().tolist())
    grid.SetSpacing([0.81, 0.93, 1.17])
    grid.SetOrigin([12.3, -45.6, 78.9])
    sitk.WriteImage(image_on(rng.uniform(20, 250, (24, 20, 22)).astype(np.float32), grid), str(folder / "us.mha"))
    return folder


@pytest.fixture
def request_(files) -> dict:
    return {"bundle": files / "bundle", "inputs": {"us": files / "us.mha"}, "device": "cpu"}


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """One warm engine for the tests that leave it alive."""
    user = User(Engine(root=tmp_path_factory.mktemp("root")))
    yield user
    user.engine.close()


@pytest.fixture
def make(tmp_path):
    """Engines of a test's own."""
    made = []

    def new(**arguments: object) -> User:
        made.append(Engine(root=tmp_path, **arguments))
        return User(made[-1])

    yield new
    for engine in made:
        engine.close()
    assert list(tmp_path.glob("mmhvae-engine-*")) == []

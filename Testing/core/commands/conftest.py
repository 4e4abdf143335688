"""A tiny bundle, an ultrasound, a displaced pair, and what it is to be refused by the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from .calls import CONFIG, SIZE, files, require_one_sentence, speckled


@pytest.fixture(scope="module")
def bundle(tiny_bundle) -> Path:
    return tiny_bundle(CONFIG)


@pytest.fixture
def us(tmp_path, oblique):
    path = tmp_path / "us.nii.gz"
    sitk.WriteImage(speckled(oblique(1, SIZE)), str(path))
    return path


@pytest.fixture
def refused(run):
    """Check that a command ends as wrong input should, and return its sentence."""

    def check(*arguments: object, output: Path | None = None) -> str:
        before = files(output), output and output.exists()
        status, _, errors = run(*arguments)
        require_one_sentence(status, errors)
        assert (files(output), output and output.exists()) == before
        return errors

    return check


@pytest.fixture(scope="module")
def displaced(tmp_path_factory):
    """Files of a fixed and a moving volume, and the true transform, fixed points -> moving points."""
    folder = tmp_path_factory.mktemp("displaced")
    noise = np.random.default_rng(0).standard_normal((64, 64, 64)).astype(np.float32)
    scene = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 3.0)
    scene = sitk.RescaleIntensity(scene, 1, 200)
    scene.SetOrigin([-20.0, 30.0, 5.0])
    true = sitk.Euler3DTransform([12.0, 62.0, 37.0], 0.03, -0.02, 0.04, [2.0, -1.5, 1.0])
    fixed = sitk.RegionOfInterest(scene, [48, 48, 44], [8, 8, 8])
    sitk.WriteImage(fixed, str(folder / "fixed.nii.gz"))
    moving = sitk.Resample(scene, scene, true.GetInverse(), sitk.sitkLinear, 0.0)
    sitk.WriteImage(moving, str(folder / "moving.nii.gz"))
    return folder / "fixed.nii.gz", folder / "moving.nii.gz", true

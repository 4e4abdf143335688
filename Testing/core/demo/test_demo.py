"""The main job, end to end, on the shipped case: what the demonstration promises must be true."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.cli import main
from mmhvae.demo import main_job
from mmhvae.demo.main_job import TARGETS, load_demo_case
from mmhvae.images.volumes import same_grid
from mmhvae.settings import RegistrationSettings, SynthesisSettings
from mmhvae.sweep.reconstruction import reconstruct

pytestmark = pytest.mark.long

#: Over the best constant image, inside the field of view.
GAIN_DB = 3.0


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(RegistrationSettings(synthesis=SynthesisSettings(samples=2)), id="along one axis"),
        pytest.param(main_job.SETTINGS, id="as it is", marks=pytest.mark.slow),
    ],
)
def output(request, tmp_path_factory):
    """What the command writes; it promises the same where it synthesises in a fifth of the time."""
    folder = tmp_path_factory.mktemp("demo") / "output"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main_job, "SETTINGS", request.param)
        assert main(["demo", "--output", str(folder)]) == 0
    return folder


def test_the_summary_keeps_its_promises(output):
    summary = json.loads((output / "summary.json").read_text())
    assert summary["simulated"] is True
    assert summary["sweep"]["frames_used"] > 50
    assert set(summary["tre_mm"]) == {"before", "direct", "synthesis"}
    assert summary["tre_mm"]["before"] > 4
    assert summary["tre_mm"]["synthesis"] <= 1.5
    assert summary["trust"]["verdict"] == "good"
    assert set(summary["targets"]) == set(TARGETS)
    for values in summary["targets"].values():
        assert values["psnr"] >= values["constant_psnr"] + GAIN_DB


def test_volumes_transform_and_figure_are_written(output):
    case = load_demo_case()
    volume = reconstruct(case.sweep).volume
    names = [*TARGETS, *(f"{name}-uncertainty" for name in TARGETS)]
    for name in [*names, "preop-t2-registered", "tumour-registered", "us"]:
        image = sitk.ReadImage(str(output / f"{name}.nii.gz"))
        assert same_grid(image, volume, (1e-3, 1e-5))  # NIfTI stores its grid in single precision
        assert np.isfinite(sitk.GetArrayFromImage(image)).all()
    transform = sitk.ReadTransform(str(output / "us-to-preop.tfm"))
    moved = [transform.TransformPoint(p) for p in case.landmarks.tolist()]
    truth = [case.truth.TransformPoint(p) for p in case.landmarks.tolist()]
    assert np.linalg.norm(np.subtract(moved, truth), axis=1).mean() <= 1.5
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(output / "figure.png")))
    assert min(picture.shape[:2]) > 800
    assert picture.std() > 10
    assert not list(output.glob(".*"))


def test_the_starter_bundle_says_what_it_is():
    bundle = load_bundle(starter_bundle())
    card = bundle.card.lower()
    assert "simulat" in card
    assert "not for patients" in card
    assert bundle.manifest.training["commit"]
    assert "not approved for clinical use" in bundle.manifest.intended_use.lower()

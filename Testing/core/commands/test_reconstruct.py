"""``mmhvae reconstruct`` and ``mmhvae synthesize --sweep``: what they write, and one sentence where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAEConfig
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import write_sequence, write_sweep

CONFIG = MMHVAEConfig(
    modalities=("us", "t2"), image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4,
    decoder_blocks=1,
)  # fmt: skip
#: Half a millimetre along z from frame to frame.
RISING = np.tile(np.eye(4), (14, 1, 1))
RISING[:, 2, 3] = 0.5 * np.arange(14)
STORED = (1e-3, 1e-5)  # NIfTI stores origin and spacing (mm) in float32, and directions as quaternions


@pytest.fixture
def sweep() -> Sweep:
    """Frames half a millimetre apart, dark fluid in the middle, the third without tracking."""
    row, column = np.mgrid[:30, :36]
    frames = np.random.default_rng(0).integers(1, 256, (14, 30, 36)).astype(np.uint8)
    frames[:, np.hypot(row - 15, column - 18) < 5] = 0
    poses = np.tile(np.diag([0.4, 0.3, 1, 1]), (14, 1, 1))
    poses[:, :3, 3] = np.array([5, -7, 11]) + np.outer(np.arange(14), [0.03, 0, 0.5])
    valid = np.arange(14) != 2
    return Sweep(ArrayFrames(frames), poses, valid, np.arange(14) / 20)


@pytest.fixture
def path(sweep, tmp_path) -> Path:
    write_sweep(tmp_path / "sweep.igs.mha", sweep)
    return tmp_path / "sweep.igs.mha"


@pytest.mark.parametrize("options", [[], ["--spacing", 0.8, "--no-fill-holes"], ["--compounding", "max"]])
def test_reconstructs_as_the_library_does(run, path, sweep, tmp_path, options):
    output, mask = tmp_path / "us.nii.gz", tmp_path / "mask.nii.gz"
    status, text, errors = run("reconstruct", path, "--output", output, "--field-of-view", mask, *options)
    assert (status, errors) == (0, "")
    assert "13 frames, 1 dropped: 1 without valid tracking" in text
    assert "Not approved for clinical use" in text
    spacing = 0.8 if "--spacing" in options else 0.5
    compounding = "max" if "--compounding" in options else "mean"
    expected = reconstruct(sweep, spacing, compounding=compounding, fill_holes="--no-fill-holes" not in options)
    for written, image in ((output, expected.volume), (mask, expected.field_of_view)):
        got = sitk.ReadImage(str(written))
        assert got.GetPixelID() == sitk.sitkUInt8
        assert same_grid(got, image, STORED)
        difference = sitk.GetArrayFromImage(got).astype(int) - sitk.GetArrayFromImage(image)
        assert np.abs(difference).max() <= 1  # the file states poses in decimals


def test_a_grid_and_a_clip_rectangle_are_kept_to(run, path, sweep, tmp_path, oblique):
    grid = oblique(1, (30, 30, 30))
    middle = grid.TransformContinuousIndexToPhysicalPoint([14.5] * 3)
    centre = [-(5 + 7), -(-7 + 4.5), 11 + 3.3]  # of the frames, LPS
    grid.SetOrigin((np.array(grid.GetOrigin()) + centre - middle).tolist())
    sitk.WriteImage(image_on(np.ones((30, 30, 30), np.uint8), grid), str(tmp_path / "grid.nii.gz"))
    output = tmp_path / "us.nii.gz"
    arguments = ["--grid", tmp_path / "grid.nii.gz", "--clip", 4, 3, 30, 25]
    status, _, errors = run("reconstruct", path, "--output", output, *arguments)
    assert (status, errors) == (0, "")
    got = sitk.ReadImage(str(output))
    assert same_grid(got, grid, STORED)
    expected = sitk.GetArrayFromImage(reconstruct(sweep, grid=grid, clip=(4, 3, 30, 25)).volume)
    assert np.corrcoef(sitk.GetArrayFromImage(got).ravel(), expected.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "us.txt"], "no suffix"),
        (["--output", "us.nii.gz", "--field-of-view", "us.nii.gz"], "both volume and field of view"),
        (["--output", "us.nii.gz", "--spacing", 0], "spacing is 0; give a number from 0.02 to 100 mm"),
        (["--output", "us.nii.gz", "--spacing", "nan"], "spacing is nan;"),
        (["--output", "us.nii.gz", "--clip", -3, 0, 10, 10], "within the frames of 36 x 30"),
        (["--output", "us.nii.gz", "--clip", 1, 2, 3], "expected 4 arguments"),
        (["--output", "us.nii.gz", "--compounding", "median"], "compounding is median; give mean, max or latest"),
        (["--output", "us.nii.gz", "--image-to-probe", "1 2 3"], "."),
        (["--output", "us.nii.gz", "--image-to-probe", ""], "."),
        (["--output", "us.nii.gz", "--image-to-probe", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"], "leave the calibration out"),
        (["--output", "us.nii.gz", "--reference-frame", "Elsewhere"], "Elsewhere"),
        (["--output", "us.nii.gz", "--grid", "none.nii.gz"], "There is no file"),
        (["--output", "sweep.igs.mha"], "would be overwritten"),
        ([], "--output"),
    ],
)
def test_wrong_input_ends_in_one_sentence(run, path, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    before, content = sorted(tmp_path.iterdir()), path.read_bytes()
    status, _, errors = run("reconstruct", path.name, *arguments)
    assert status == 2, errors
    assert errors.startswith("mmhvae: ")
    assert errors.endswith(".\n")
    assert errors.count("\n") == 1
    assert words in errors
    assert (sorted(tmp_path.iterdir()), path.read_bytes()) == (before, content)


def test_an_empty_image_serves_as_a_grid(run, path, sweep, tmp_path):
    grid = reconstruct(sweep, 0.7).volume
    sitk.WriteImage(grid * 0, str(tmp_path / "grid.nii.gz"))
    output = tmp_path / "us.nii.gz"
    status, _, errors = run("reconstruct", path, "--output", output, "--grid", tmp_path / "grid.nii.gz")
    assert (status, errors) == (0, "")
    assert same_grid(sitk.ReadImage(str(output)), grid, STORED)


def test_frames_may_have_other_names(run, sweep, tmp_path):
    path = tmp_path / "named.igs.mha"
    write_sequence(path, sweep.frames, {"ScanHeadToPatient": np.tile(np.eye(4), (14, 1, 1)) @ RISING})
    names = ["--image-frame", "Pixel", "--probe-frame", "ScanHead", "--reference-frame", "Patient"]
    numbers = "--image-to-probe=0.4,0,0,5,0,0.3,0,-7,0,0,1,11,0,0,0,1"
    status, text, errors = run("reconstruct", path, "--output", tmp_path / "us.nii.gz", numbers, *names)
    assert (status, errors) == (0, "")
    assert "14 frames, none dropped" in text


def test_a_file_that_is_no_sweep(run, tmp_path):
    sitk.WriteImage(sitk.Image(4, 4, 4, sitk.sitkUInt8), str(tmp_path / "volume.mha"))
    for name in ("volume.mha", "missing.igs.mha"):
        status, _, errors = run("reconstruct", tmp_path / name, "--output", tmp_path / "us.nii.gz")
        assert (status, errors.count("\n")) == (2, 1)
    assert not (tmp_path / "us.nii.gz").exists()


def test_synthesises_on_the_grid_of_the_sweep(run, bundle, path, sweep, tmp_path):
    arguments = ["--bundle", bundle, "--targets", "t2", "--output", tmp_path / "out", "--samples", 1]
    status, text, errors = run("synthesize", "--sweep", path, *arguments)
    assert (status, errors) == (0, "")
    assert "13 frames, 1 dropped" in text
    assert same_grid(sitk.ReadImage(str(tmp_path / "out" / "t2.nii.gz")), reconstruct(sweep).volume, STORED)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sweep", "sweep.igs.mha", "--us", "us.nii.gz"], "either --us or --sweep"),
        (["--us", "us.nii.gz", "--clip", 0, 0, 9, 9], "--clip describes a sweep"),
        (["--us", "us.nii.gz", "--spacing", 1], "--spacing describes a sweep"),
        (["--sweep", "sweep.igs.mha", "--clip", 0, 0, 99, 9], "within the frames"),
        (
            ["--sweep", "sweep.igs.mha", "--spacing", 0, "--samples", 0],
            "samples is 0;",
        ),  # before the sweep is looked at
    ],
)
def test_synthesis_refuses_what_makes_no_sense(run, bundle, path, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    status, _, errors = run("synthesize", "--bundle", bundle, "--targets", "t2", "--output", "out", *arguments)
    assert (status, errors.count("\n")) == (2, 1)
    assert words in errors
    assert not list(tmp_path.glob("out/*"))

"""Synthesis of tracked frames: as good as that of the volume where both see the same pixels, and at its place."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, InputError, synthesize
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.cli import main
from mmhvae.images.volumes import LARGEST_EXTENT_MM, OWN_SPACING_RATIO, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import write_sweep
from mmhvae.synthesis.frame_synthesis import _between, synthesize_frames

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
#: Frames stand upright in Reference and move along its y axis.
UPRIGHT = np.array([[1.0, 0, 0, 3], [0, 0, 1, -20], [0, -1, 0, 8], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def bundle():
    torch.manual_seed(0)
    manifest = Manifest("tiny", CONFIG, 1.0, "MIT", "tests", weights_sha256="tiny")
    return Bundle(MMHVAE(CONFIG).eval(), manifest, "")


def tracked(count: int = 20, pixel: float = 1.0, step: float = 1.0) -> Sweep:
    """Speckle in a disc with dark fluid in its middle."""
    side = int(26 / pixel)
    row, column = np.mgrid[:side, :side] * pixel - 13
    speckle = np.random.default_rng(0).integers(30, 250, (count, side, side))
    radius = np.hypot(row, column)
    frames = np.where(radius < 2.5, 0, np.where(radius < 12, speckle, 0)).astype(np.uint8)
    poses = np.tile(UPRIGHT @ np.diag([pixel, pixel, 1, 1]), (count, 1, 1))
    poses[:, 1, 3] += step * np.arange(count)
    return Sweep(ArrayFrames(frames), poses, np.ones(count, bool), np.full(count, np.nan))


def grid_of_pixels(count: int = 20) -> sitk.Image:
    """The grid (LPS) whose third axis follows the sweep and whose planes hold the frames' own pixels."""
    grid = sitk.Image([26, 26, count], sitk.sitkUInt8)
    grid.SetOrigin((-3, 20, 8))
    grid.SetDirection((-1, 0, 0, 0, 0, -1, 0, -1, 0))
    return grid


def test_equals_the_synthesis_of_the_volume_where_every_frame_is_one_of_its_slices(bundle):
    sweep = tracked()
    volume = reconstruct(sweep, grid=grid_of_pixels())
    frames = synthesize_frames(bundle, sweep, volume, ["t2"], temperature=0)
    whole = synthesize(bundle, {"us": volume.volume}, ["t2"], temperature=0)
    assert same_grid(frames.images["t2"], volume.volume)
    inside = sitk.GetArrayFromImage(volume.field_of_view) > 0
    a, b = (sitk.GetArrayFromImage(result.images["t2"])[inside] for result in (frames, whole))
    assert np.abs(a - b).mean() < 0.05 * b.std()  # only the rim, where the fields of view end, may differ
    assert np.corrcoef(a, b)[0, 1] > 0.98


@pytest.mark.parametrize("pixel", [1.0, 0.25])
def test_fine_pixels_are_averaged_and_stay_in_place(bundle, pixel):
    sweep = tracked(pixel=pixel)
    volume = reconstruct(sweep, 0.8, fill_holes=True)
    # With the ultrasound as the target, whatever the untrained network makes of it ends at the frames' edge.
    result = synthesize_frames(bundle, sweep, volume, ["us"], samples=2)
    inside = sitk.GetArrayFromImage(volume.field_of_view) > 0
    for image in (result.images["us"], result.uncertainty["us"]):
        values = sitk.GetArrayFromImage(image)
        assert same_grid(image, volume.volume)
        assert (values[~inside] == 0).all()
        assert (values[inside] > 0).mean() > 0.98


@pytest.mark.parametrize("count", [2, 40, 3000])
@pytest.mark.parametrize("step", [0.0, 0.3, 0.5, 0.55, 2.0])
def test_a_stack_of_frames_is_never_interpolated_and_never_too_long(count, step):
    in_plane = [0.5, 0.55]
    spacing = _between(np.outer(np.arange(count), [0, step, 0]), in_plane)
    assert all(max(spacing / s, s / spacing) > OWN_SPACING_RATIO for s in in_plane)
    assert 0.02 <= spacing <= LARGEST_EXTENT_MM / count
    if step in (0.3, 2.0) and count < 100:
        assert spacing == pytest.approx(step)


def test_can_be_cancelled(bundle):
    sweep = tracked()
    seen = []

    def stop(fraction: float, message: str) -> None:
        seen.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        synthesize_frames(bundle, sweep, reconstruct(sweep, 1.0), ["t2"], progress=stop)
    assert seen == sorted(seen)


def test_a_clip_rectangle_outside_the_frames_is_refused(bundle):
    sweep = tracked()
    with pytest.raises(InputError, match="clip rectangle"):
        synthesize_frames(bundle, sweep, reconstruct(sweep, 1.0), ["t2"], clip=(10, 10, 40, 5))


def test_from_the_command_line(bundle, tmp_path, capfd):
    write_sweep(tmp_path / "sweep.igs.mha", tracked())
    save_bundle(bundle, tmp_path / "bundle")
    command = ["synthesize", "--bundle", tmp_path / "bundle", "--targets", "t2", "--output", tmp_path / "out"]
    sweep = ["--sweep", tmp_path / "sweep.igs.mha", "--frame-by-frame"]
    assert main([str(word) for word in [*command, *sweep, "--samples", 2]]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"t2.nii.gz", "t2-uncertainty.nii.gz"}
    capfd.readouterr()
    assert main([str(word) for word in [*command, "--frame-by-frame"]]) == 2
    assert "--frame-by-frame takes a --sweep" in capfd.readouterr().err

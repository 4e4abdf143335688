"""An ultrasound's background that is not 0: white, negative, or missing."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputNotice
from mmhvae.images import doubt_about_background, field_of_view, with_zero_background


def fan(background: float, inside: int = 120) -> sitk.Image:
    """A ball of speckle with a few voxels of the background's own value within."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 24)] * 3, indexing="ij"))
    ball = np.linalg.norm(grid, axis=0) < 0.8
    values = np.random.default_rng(0).integers(1, inside, ball.shape)
    values[11:13, 11:13, 11:13] = background if background > 0 else 50
    return sitk.GetImageFromArray(np.where(ball, values, background).astype(np.float32))


@pytest.mark.parametrize("background", [255.0, -1024.0, 17.0])
def test_another_value_around_the_fan_is_taken_out(background):
    image, plain = fan(background), fan(0.0)
    with pytest.warns(InputNotice, match=rf"background of the iUS is {background:g}, not 0"):
        found = with_zero_background(image, "iUS")
    before, after = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(found)
    outside = sitk.GetArrayFromImage(plain) == 0
    assert (after[outside] == 0).mean() > 0.999
    assert (after[11:13, 11:13, 11:13] == before[11:13, 11:13, 11:13]).all()  # bright echoes are no background
    fields = [sitk.GetArrayFromImage(field_of_view(volume)) for volume in (found, plain)]
    assert (fields[0] != fields[1]).mean() < 1e-3  # echoes of that value at the very edge


@pytest.mark.parametrize("make", [lambda: fan(0.0), lambda: sitk.Image([5, 6, 7], sitk.sitkFloat32) + 3])
def test_a_background_of_0_and_an_image_of_one_value_stay(make, recwarn):
    image = make()
    found = with_zero_background(image, "iUS")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image))
    assert [str(warning.message) for warning in recwarn] == []


def test_a_volume_of_noise_is_doubted():
    noise = np.random.default_rng(1).integers(1, 20, (9, 9, 9)).astype(np.float32)
    assert "100% of the iUS is above 0" in doubt_about_background(sitk.GetImageFromArray(noise), "iUS")
    assert doubt_about_background(fan(0.0), "iUS") == ""

"""The plain U-Net, its bundle, and outlines in ultrasound: geometry, grey levels, the mean of networks, bad input."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError, OutlineSettings
from mmhvae.images import field_of_view, image_on
from mmhvae.segmentation import (
    ImageRules,
    PlainUNet,
    PlainUNetConfig,
    UltrasoundManifest,
    UltrasoundSegmenter,
    load_ultrasound_segmenter,
    outline_ultrasound,
    save_ultrasound_segmenter,
    seen_by,
)
from mmhvae.segmentation.ultrasound_outline import padded

TINY = PlainUNetConfig((4, 8), ((3, 3, 3), (1, 3, 3)), ((1, 1, 1), (1, 2, 2)), (2, 1), (1,))
MANIFEST = UltrasoundManifest("tiny", TINY, 1, ImageRules(), (16, 16, 16), "MIT", "tests")
SHAPE = (30, 34, 38)


class Threshold(PlainUNet):
    """Calls whatever is brighter than a number of deviations a tumour."""

    def __init__(self, level: float = 1.0) -> None:
        super().__init__(TINY)
        self.level = level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(image), 20 * (image - self.level)], dim=1)


def segmenter(*networks: PlainUNet, **changes) -> UltrasoundSegmenter:
    return UltrasoundSegmenter(tuple(networks) or (Threshold().eval(),), replace(MANIFEST, **changes), "card")


@pytest.fixture
def ultrasound(oblique) -> tuple[sitk.Image, np.ndarray]:
    """A fan on an oblique grid with a bright tumour at its edge, and where the tumour is seen."""
    grid = oblique(3, SHAPE[::-1])
    places = np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(SHAPE) / 2
    seen, tumour = np.linalg.norm(places, axis=-1) < 14, np.linalg.norm(places - [0, 8, 3], axis=-1) < 7
    rng = np.random.default_rng(0)
    levels = np.where(seen, 60 + 90 * tumour + rng.uniform(0, 10, SHAPE), 0).astype(np.float32)
    return image_on(levels, grid), tumour & seen


@pytest.mark.parametrize(
    ("config", "shape", "parameters"),
    [
        (PlainUNetConfig(), (1, 1, 16, 24, 8), 1.40e6),
        (PlainUNetConfig((32, 64, 128, 256)), (1, 1, 8, 8, 16), 5.60e6),
        (TINY, (2, 1, 5, 8, 6), None),
    ],
)
def test_logits_have_the_images_shape(config, shape, parameters):
    network = PlainUNet(config).eval()
    with torch.no_grad():
        assert network(torch.randn(shape)).shape == (shape[0], 2, *shape[2:])
    if parameters:
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.01)


def test_sides_and_plans_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="divisible by"):
        PlainUNet(TINY)(torch.zeros(1, 1, 4, 5, 4))
    with pytest.raises(ValueError, match="one length"):
        PlainUNetConfig((4, 8, 8))
    with pytest.raises(ValueError, match="odd"):
        replace(TINY, kernels=((3, 3, 3), (2, 2, 2)))


def test_an_outline_lies_where_the_tumour_is_seen(ultrasound):
    image, truth = ultrasound
    result = outline_ultrasound(image, segmenter(), settings=OutlineSettings(flips=2), device="cpu")
    found = sitk.GetArrayFromImage(result.labels) > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.93
    assert result.labels.GetDirection() == image.GetDirection()
    assert result.labels.GetOrigin() == image.GetOrigin()
    assert not (found & (sitk.GetArrayFromImage(result.field_of_view) == 0)).any()
    volume = found.sum() * np.prod(image.GetSpacing()) / 1000
    assert result.volume_ml == pytest.approx(volume, abs=1e-3)
    assert sitk.GetArrayViewFromImage(result.uncertainty).max() <= 0.5


def test_networks_outline_by_the_mean_of_their_probabilities(ultrasound):
    image, _ = ultrasound
    sure, blind = Threshold(0.5).eval(), Threshold(1e6).eval()

    def volume(*networks: PlainUNet) -> float:
        chosen = segmenter(*networks)
        return outline_ultrasound(image, chosen, settings=OutlineSettings(flips=1), device="cpu").volume_ml

    assert volume(sure, sure, blind) == pytest.approx(volume(sure), rel=0.2)
    assert volume(sure, blind, blind) == 0


@pytest.mark.parametrize("over", ["field of view", "box"])
def test_grey_levels_are_normalised_as_the_manifest_says(ultrasound, over):
    image, _ = ultrasound
    visible = field_of_view(image)
    array, grid = seen_by(ImageRules((0.9, 1.1, 1.2), over, None), image, visible)
    assert grid.GetSpacing() == (1.2, 1.1, 0.9)
    levels = array[array != 0] if over == "field of view" else array
    assert (abs(levels.mean()), levels.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))
    assert array[0, 0, 0] == 0 if over == "field of view" else array[0, 0, 0] < -0.5


class Recording(PlainUNet):
    """Keeps what it was shown, and finds nothing."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.shown = image[0, 0].numpy()
        return torch.cat([torch.ones_like(image), torch.zeros_like(image)], dim=1)


def test_what_is_smaller_than_a_patch_has_nothing_around_it_on_both_sides(ultrasound):
    image, _ = ultrasound
    recording, patch = Recording(TINY).eval(), (56, 64, 60)
    outline_ultrasound(image, segmenter(recording, patch=patch), settings=OutlineSettings(flips=1), device="cpu")
    array, grid = seen_by(ImageRules(), image, field_of_view(image))
    start = [(side - length) // 2 for side, length in zip(patch, array.shape, strict=True)]
    box = tuple(slice(first, first + length) for first, length in zip(start, array.shape, strict=True))
    np.testing.assert_array_equal(recording.shown[box], array)
    outside = recording.shown.copy()
    outside[box] = 0
    assert not outside.any()
    whole, larger = padded(array, grid, patch)
    np.testing.assert_array_equal(whole, recording.shown)
    moved = larger.TransformIndexToPhysicalPoint([int(n) for n in start[::-1]])
    np.testing.assert_allclose(moved, grid.GetOrigin(), atol=1e-9)


def test_small_pieces_are_left_out(ultrasound):
    image, _ = ultrasound
    array = sitk.GetArrayFromImage(image)
    array[15:17, 10:12, 10:12] = 200
    speckled = image_on(array, image)
    loose, strict = (
        outline_ultrasound(speckled, segmenter(), settings=OutlineSettings(flips=1, smallest_piece_ml=ml), device="cpu")
        for ml in (0.0, 0.2)
    )
    assert sitk.GetArrayFromImage(sitk.ConnectedComponent(loose.labels)).max() == 2
    assert sitk.GetArrayFromImage(sitk.ConnectedComponent(strict.labels)).max() == 1


def test_a_bundle_is_what_was_saved(tmp_path):
    torch.manual_seed(0)
    networks = tuple(PlainUNet(TINY).eval() for _ in range(2))
    saved = UltrasoundSegmenter(networks, replace(MANIFEST, networks=2, training={"steps": 3}), "# Card\n")
    loaded = load_ultrasound_segmenter(save_ultrasound_segmenter(saved, tmp_path / "bundle"))
    assert replace(loaded.manifest, weights_sha256="") == saved.manifest
    assert loaded.card == "# Card\n"
    image = torch.randn(1, 1, 8, 8, 8)
    with torch.no_grad():
        for mine, other in zip(networks, loaded.networks, strict=True):
            torch.testing.assert_close(other(image), mine(image), atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outlines": ["whole tumour"]}, "outlines tumours in ultrasound"),
        ({"format_version": 9}, "another version"),
        ({"networks": 2}, "do not fit"),
        ({"networks": 400}, "damaged"),
        ({"patch": [16, 15, 16]}, "damaged"),
        ({"spacing_mm": [1.0, 0.0, 1.0]}, "damaged"),
        ({"normalised_over": "moon"}, "damaged"),
        ({"architecture": {}}, "damaged"),
        ({"clipped": -1}, "damaged"),
    ],
)
def test_forged_manifests_are_refused(tmp_path, change, said):
    folder = save_ultrasound_segmenter(segmenter(PlainUNet(TINY).eval()), tmp_path / "bundle")
    values = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(values | change))
    with pytest.raises(InputError, match=said):
        load_ultrasound_segmenter(folder)


def test_an_empty_ultrasound_and_an_mr_segmenter_are_refused(ultrasound, tmp_path):
    image, _ = ultrasound
    with pytest.raises(InputError, match="zero everywhere"):
        outline_ultrasound(image * 0, segmenter())
    with pytest.raises(InputError, match="There is no bundle"):
        outline_ultrasound(image, tmp_path / "nowhere")

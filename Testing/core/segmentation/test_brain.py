"""The brain found in heads of any grid, and heads in which there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images import image_on
from mmhvae.segmentation import find_brain, segment_tumour
from mmhvae.segmentation.brain import MARGIN_MM
from mmhvae.settings import SegmentationSettings

from .bright_network import bright_extractor
from .phantom import BRAIN_RADIUS, HEAD_RADIUS, distances, head, oblique_grid, segmenter, truth

QUICK = SegmentationSettings(flips=1)
EYE = np.array([0.0, -60.0, 0.0])


@pytest.fixture(scope="module")
def extractor():
    return bright_extractor()


@pytest.fixture(scope="module")
def upright():
    """A grid as the segmenter works on: isotropic, along LPS."""
    grid = sitk.Image([101, 151, 97], sitk.sitkFloat32)
    grid.SetOrigin([-50.0, -90.0, -48.0])
    return grid


def with_eye(grid: sitk.Image) -> sitk.Image:
    """The phantom with a bright ball outside the brain, as bright as enhancing tumour."""
    eye = 190 * (distances(grid, EYE) < 10)
    return head(grid) + image_on(eye.astype(np.float32), grid)


def test_the_brain_is_one_piece_without_holes_and_a_margin(extractor, upright):
    image = with_eye(upright)
    array = sitk.GetArrayFromImage(image)
    array[distances(upright, np.array([-10.0, 5, 3])) < 6] = 1  # a cavity
    mask = find_brain([array], upright, extractor)
    away = distances(upright, np.zeros(3))
    assert mask[away < BRAIN_RADIUS + MARGIN_MM - 2].all()
    assert not mask[away > BRAIN_RADIUS + MARGIN_MM + 2].any()


def test_contrasts_that_show_a_part_alone_do_not_cut_the_brain(extractor, upright):
    whole = sitk.GetArrayFromImage(head(upright))
    half = whole.copy()
    half[:, :, whole.shape[2] // 2 :] = 0
    mask = find_brain([half, whole, half], upright, extractor)
    assert mask[distances(upright, np.zeros(3)) < BRAIN_RADIUS + MARGIN_MM - 2].all()


@pytest.mark.parametrize("seed", range(3))
def test_heads_and_what_is_bright_in_them_are_left_out_on_oblique_grids(extractor, seed):
    grid = oblique_grid(seed, (1.7, 2.3, 2.0), mirrored=seed == 1)
    size = [n * 2 for n in grid.GetSize()]
    larger = sitk.Image(size, sitk.sitkFloat32)
    larger.SetSpacing(grid.GetSpacing())
    larger.SetDirection(grid.GetDirection())
    larger.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint([-n / 4 for n in size]))
    image = with_eye(larger)
    everything = SegmentationSettings(flips=1, find_brain=False, core_share=0)
    astray = segment_tumour({"flair": image}, segmenter(), larger, settings=everything)
    assert astray.within == "whole image"
    eye = distances(larger, EYE) < 8
    assert (sitk.GetArrayFromImage(astray.labels)[eye] > 0).all()
    result = segment_tumour(
        {"flair": image}, segmenter(), larger, extractor=extractor, settings=SegmentationSettings(1, core_share=0)
    )
    assert result.within == "brain found"
    found = sitk.GetArrayFromImage(result.labels)
    assert not found[distances(larger, EYE) < 15].any()
    inside = truth(larger) == 3
    assert (found[inside] > 0).mean() > 0.95


def test_a_stripped_brain_and_a_head_without_one_are_left_as_they_are(extractor, upright):
    stripped = sitk.GetArrayFromImage(head(upright, rim=0))
    assert find_brain([stripped], upright, extractor) is None
    speck = np.where(distances(upright, np.zeros(3)) < HEAD_RADIUS, 40, 0).astype(np.float32)
    speck[distances(upright, np.zeros(3)) < 8] = 100
    assert find_brain([speck], upright, extractor) is None
    assert find_brain([np.zeros_like(speck), stripped], upright, extractor) is None
    images = {"t1": image_on(stripped, upright)}
    bare = segment_tumour(images, segmenter(), extractor=extractor, settings=QUICK)
    whole = segment_tumour(images, segmenter(), settings=SegmentationSettings(flips=1, find_brain=False))
    assert bare.within == "whole image"
    assert (sitk.GetArrayViewFromImage(bare.labels) == sitk.GetArrayViewFromImage(whole.labels)).all()


def test_an_extractor_that_has_nothing_to_do_is_refused(extractor, upright):
    image = head(upright)
    for options in ({"brain_mask": image > 0}, {"settings": SegmentationSettings(flips=1, find_brain=False)}):
        with pytest.raises(InputError, match="has no effect; leave it out"):
            segment_tumour({"t2": image}, segmenter(), extractor=extractor, **options)


def test_a_mask_goes_before_what_would_be_found(upright):
    mask = image_on((distances(upright, np.zeros(3)) < 20).astype(np.uint8), upright)
    result = segment_tumour({"t2": head(upright)}, segmenter(), brain_mask=mask, settings=QUICK)
    assert result.within == "brain mask"
    assert not (sitk.GetArrayFromImage(result.labels)[distances(upright, np.zeros(3)) > 21]).any()

"""Outlines on any grid, from any of the MRs, and every input that is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import Cancelled, InputError
from mmhvae.images import image_on, same_grid
from mmhvae.segmentation import segment_tumour
from mmhvae.settings import SegmentationSettings

from .phantom import CENTRE, distances, head, oblique_grid, segmenter, truth

#: A phantom is no head in which the shipped extractor would find a brain; see test_brain.py.
QUICK = SegmentationSettings(flips=1, find_brain=False)


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_outline_lies_on_the_exact_grid_of_oblique_and_left_handed_images(seed, mirrored):
    grid = oblique_grid(seed, (1.7, 2.3, 2.0), mirrored)
    result = segment_tumour({"flair": head(oblique_grid(seed + 9))}, segmenter(), grid, settings=QUICK)
    assert same_grid(result.labels, grid)
    assert same_grid(result.uncertainty, grid)
    found, expected = sitk.GetArrayFromImage(result.labels), truth(grid)
    for level, least in enumerate((0.93, 0.9, 0.8)):
        assert dice(found > level, expected > level) > least
    ball = 4 / 3 * np.pi * np.array([14, 9, 5]) ** 3 / 1000
    assert list(result.volumes_ml.values()) == pytest.approx(ball.tolist(), rel=0.2)


def test_neither_the_order_of_the_images_nor_their_units_nor_their_offset_matter():
    grids = {name: oblique_grid(number) for number, name in enumerate(("t1", "cet1", "t2", "flair"))}
    images = {name: head(grid) for name, grid in grids.items()}
    first = segment_tumour(images, segmenter(), grids["t2"], settings=QUICK)
    others = {name: sitk.ShiftScale(head(grids[name]), 7.0, 3.5) for name in reversed(grids)}
    second = segment_tumour(others, segmenter(), grids["t2"], settings=QUICK)
    assert first.modalities == second.modalities == ("t1", "cet1", "t2", "flair")
    different = sitk.GetArrayFromImage(first.labels) != sitk.GetArrayFromImage(second.labels)
    assert different.sum() <= 5  # of float32's rounding
    default = segment_tumour({"flair": images["flair"], "cet1": images["cet1"]}, segmenter(), settings=QUICK)
    assert same_grid(default.labels, grids["cet1"])  # the first in the network's order


@pytest.mark.parametrize(("share", "found"), [(0.0, 2), (0.2, 1), (1.0, 1)])
def test_a_piece_with_hardly_any_core_is_no_tumour_of_its_own(share, found):
    grid = oblique_grid(6)
    image = head(grid)
    oedema = distances(grid, -1.6 * CENTRE) < 7
    image += sitk.Cast(image_on(np.where(oedema, 30, 0).astype(np.float32), grid), image.GetPixelID())
    settings = replace(QUICK, core_share=share)
    labels = segment_tumour({"flair": image}, segmenter(), grid, settings=settings).labels
    pieces = sitk.ConnectedComponent(labels > 0)
    assert int(sitk.GetArrayViewFromImage(pieces).max()) == found
    assert dice(sitk.GetArrayFromImage(labels) > 0, truth(grid) > 0) > (0.93 if found == 1 else 0.7)


def test_a_brain_mask_hides_what_lies_outside_it_and_small_pieces_are_left_out():
    grid = oblique_grid(4)
    image = head(grid)
    mask = sitk.GetImageFromArray((distances(grid, CENTRE) > 18).astype(np.uint8))
    mask.CopyInformation(grid)
    hidden = segment_tumour({"t2": image}, segmenter(), brain_mask=mask, settings=QUICK)
    assert hidden.volumes_ml["whole tumour"] < 0.5
    whole = segment_tumour({"t2": image}, segmenter(), settings=replace(QUICK, smallest_piece_ml=20))
    assert whole.volumes_ml["whole tumour"] == 0
    assert segment_tumour({"t2": image}, segmenter(), settings=QUICK).volumes_ml["whole tumour"] > 9


def test_a_reference_beside_the_tumour_gets_an_empty_outline():
    grid = oblique_grid(1)
    part = sitk.RegionOfInterest(head(grid), [12, 12, 12], [0, 19, 19])
    result = segment_tumour({"t1": head(grid)}, segmenter(), part, settings=QUICK)
    expected = truth(part)
    assert dice(1 - (sitk.GetArrayFromImage(result.labels) > 0), 1 - (expected > 0)) > 0.95


def far_away(image: sitk.Image) -> sitk.Image:
    moved = sitk.Image(image)
    moved.SetOrigin([1000.0, 0.0, 0.0])
    return moved


def speck() -> sitk.Image:
    image = sitk.Image([40, 40, 40], sitk.sitkFloat32)
    image[20, 20, 20] = 1.0
    return image


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (lambda h: {}, {}, "No MR was given"),
        (lambda h: {"us": h}, {}, "not in ultrasound"),
        (lambda h: {"pd": h}, {}, "does not know 'pd'"),
        (lambda h: {"t1": sitk.Image([4, 4, 4, 4], sitk.sitkFloat32)}, {}, "4 dimensions"),
        (lambda h: {"t1": sitk.Image([9, 9, 9], sitk.sitkFloat32)}, {}, "zero everywhere"),
        (lambda h: {"t1": speck()}, {}, "no brain"),
        (lambda h: {"t1": h, "t2": far_away(h)}, {}, "do not overlap"),
        (lambda h: {"t1": h}, {"reference": "far"}, "reference image does not overlap"),
        (lambda h: {"t1": h}, {"brain_mask": "far"}, "brain mask lies outside"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(images, options, words):
    image = head(oblique_grid(0))
    options = {name: far_away(image) for name in options}
    with pytest.raises(InputError, match=words):
        segment_tumour(images(image), segmenter(), **options)


@pytest.mark.parametrize("changes", [{"flips": 9}, {"overlap": 0.9}, {"smallest_piece_ml": float("nan")}])
def test_settings_out_of_bounds_are_refused(changes):
    with pytest.raises(InputError, match=r"give"):
        SegmentationSettings(**changes)


def test_cancelling_stops_between_windows():
    def stop(fraction: float, message: str) -> None:
        if message.startswith("outlining") and fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment_tumour({"t1": head(oblique_grid(0))}, segmenter(crop=(16, 16, 16)), progress=stop)

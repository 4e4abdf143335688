"""Patients, the heads painted around them, and what a view shows: geometry, grey levels, presence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mmhvae import InputError
from mmhvae_training.segmentation.patients import DISTANCE_MARGIN, nested_regions, read_patient, read_patients
from mmhvae_training.segmentation.scene import draw_matrix, draw_scene
from mmhvae_training.segmentation.view import draw_present, draw_view

from .conftest import LESION, SIDE, write_patient

MODALITIES = ("t1", "cet1", "t2", "flair")
CROP = (16, 24, 16)


@pytest.fixture(scope="module")
def patient(brats):
    return read_patient(brats / "a", MODALITIES)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("enhancing", [3, 4])
def test_regions_are_counted_from_the_outside_in(enhancing):
    assert nested_regions(np.array([0, 2, 1, enhancing])).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"\[7\]"):
        nested_regions(np.array([0, 7]))


def test_a_patient_knows_how_far_the_brain_is(patient):
    assert patient.regions.max() == 3
    inside = DISTANCE_MARGIN + SIDE // 2
    assert patient.distance[inside // 2, inside // 2, inside // 2] == 0
    corner = patient.distance[DISTANCE_MARGIN // 2, DISTANCE_MARGIN // 2, DISTANCE_MARGIN // 2]
    assert 10 < corner < 25  # of the image's box
    assert (patient.regions[tuple(patient.lesion.T)] > 0).all()


def test_a_plain_scene_shows_the_patient_voxel_by_voxel(patient):
    scene = replace(
        draw_scene(patient, CROP, generator(), shells=0.0),
        matrix=torch.eye(3), gamma=torch.ones(4), shading_strength=torch.zeros(4), planes=(),
    )  # fmt: skip
    points = scene.points((SIDE,) * 3, 1.0, around=torch.full((3,), (SIDE - 1) / 2))
    shown = scene.render(points).numpy() * np.array(patient.medians)[:, None, None, None]
    np.testing.assert_allclose(shown, patient.images, atol=0.01)
    np.testing.assert_array_equal(scene.regions(points).sum(0).numpy(), patient.regions)


@pytest.mark.parametrize("seed", range(4))
def test_turned_and_mirrored_views_show_the_lesion_where_its_regions_are(patient, seed):
    scene = replace(draw_scene(patient, CROP, generator(seed), shells=1.0), planes=(), shading_strength=torch.zeros(4))
    points = scene.points(CROP, 1.0, around=torch.from_numpy(LESION).float())
    regions, images = scene.regions(points), scene.render(points)
    middle = tuple(side // 2 for side in CROP)
    assert regions[0][middle] == 1
    whole, enhancing = regions[0] > 0, regions[2] > 0
    assert images[1][enhancing].mean() > images[1][whole & ~enhancing].mean()
    assert (regions.diff(dim=0) <= 0).all()


def test_a_head_is_painted_around_the_brain_and_nowhere_else(patient):
    bare = draw_scene(patient, CROP, generator(1), shells=0.0)
    head = draw_scene(patient, CROP, generator(1), shells=1.0)
    head = replace(bare, head=head.head)
    points = bare.points((80, 80, 80), 3.0, around=bare.size / 2)
    without, within = bare.render(points), head.render(points)
    brain = without.amin(dim=0) > 0
    assert torch.equal(without[:, brain], within[:, brain])
    painted = (within > 0.02).any(dim=0) & ~brain
    assert painted.sum() > brain.sum()
    far = (scene_distance(head, points) > 60) & (points[..., 0] > head.size[0])  # below is the neck
    assert far.any()
    assert (within[:, far] < 0.2).all()  # air, if shaded


def scene_distance(scene, points):
    """Millimetres to the centre of the brain's box, less its half diagonal: no layer is as thick as 60."""
    return (points - scene.size / 2).norm(dim=-1) - scene.size.norm() / 2


def test_scales_and_mirrors_are_drawn_about_as_often_as_said():
    matrices = torch.stack([draw_matrix(generator(seed)) for seed in range(200)])
    volumes = matrices.det().abs() ** (1 / 3)
    assert 0.75 < volumes.min() < 0.95 < volumes.median() < 1.05 < volumes.max() < 1.35
    assert 0.2 < (matrices[:, 1, 1] < 0).float().mean() + (matrices[:, 0, 0] < 0).float().mean() < 0.8


def test_views_are_normalised_repeatable_and_blank_where_a_contrast_is_missing(patient):
    views = [draw_view(draw_scene(patient, CROP, generator(seed)), CROP, generator(seed)) for seed in range(6)]
    again = draw_view(draw_scene(patient, CROP, generator(5)), CROP, generator(5))
    assert torch.equal(again.images, views[5].images)
    for view in views:
        assert view.images.shape == (1, 4, *CROP)
        assert view.regions.shape == (1, 3, *CROP)
        assert torch.isfinite(view.images).all()
        for modality in range(4):
            assert bool(view.images[0, modality].any()) == bool(view.present[0, modality])
    subsets = {tuple(draw_present(generator(seed)).tolist()) for seed in range(300)}
    assert len(subsets) == 15


def test_one_contrast_is_shown_alone_in_its_share_each_as_often_as_the_others():
    shown = torch.stack([draw_present(generator(seed), 0.9) for seed in range(600)])
    alone = shown[shown.sum(1) == 1]
    assert 0.88 < len(alone) / len(shown) < 0.96  # 0.9, and 4 of 15 subsets in three quarters of the rest
    assert alone.mean(0).numpy() == pytest.approx([0.25] * 4, abs=0.05)
    assert len({tuple(draw_present(generator(seed), 0.0).tolist()) for seed in range(300)}) == 15


@pytest.mark.parametrize(
    ("part", "words"), [("nobody", "no patient"), ("other", "no list"), ("gone", "cannot be used")]
)
def test_splits_that_cannot_be_used_are_refused(brats, part, words):
    with pytest.raises(InputError, match=words):
        read_patients(brats, brats / "split.json", part, MODALITIES)


def test_a_patient_without_a_tumour_is_refused(brats, tmp_path):
    write_patient(tmp_path / "d", labels=(0, 0, 0))
    (tmp_path / "split.json").write_text('{"train": ["d"]}')
    with pytest.raises(InputError, match="no tumour in the labels"):
        read_patients(tmp_path, tmp_path / "split.json", "train", MODALITIES)

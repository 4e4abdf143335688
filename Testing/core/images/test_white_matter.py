"""White matter of heads whose truth is known: drawn from nilearn's tissue maps, and one real case where it is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images.white_matter import WhiteMatter, estimate_white_matter, white_matter_from_labels
from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template, load_mni152_wm_template
from numpy.typing import NDArray
from scipy import ndimage

pytestmark = pytest.mark.long

Volume = NDArray[np.float32]  # (D, H, W), axial slices from below, 3 mm

SPACING = 3  # mm
TISSUES = {  # relative to white matter: grey matter, fluid, fat, bone, tumour, oedema
    "t2": (1.45, 3.0, 1.6, 0.2, 1.9, 1.7),
    "cet1": (0.8, 0.4, 1.7, 0.3, 1.5, 0.85),
    "flair": (1.2, 0.3, 1.2, 0.2, 1.4, 1.8),
    "t1": (0.75, 0.35, 1.7, 0.3, 0.7, 0.8),
}
REAL_CASE = Path(__file__).parents[4] / "shared" / "data" / "tcga-fg-6692"


@cache
def tissue_maps() -> tuple[Volume, Volume, Volume]:
    """Shares of grey matter, white matter and fluid in the brain, as crisp as one person's (the maps are means)."""
    templates = (load_mni152_gm_template, load_mni152_wm_template, load_mni152_brain_mask)
    margin = [(8, 8), (8, 8), (8, 8)]
    gray, white, brain = (np.pad(load(resolution=SPACING).get_fdata().T, margin) for load in templates)
    brain = ndimage.binary_closing(brain > 0.5, iterations=2)
    shares = np.stack([gray, white, np.clip(1 - gray - white, 0, 1)]) ** 3 * brain
    shares /= np.maximum(shares.sum(0), 1e-6)
    return tuple(shares.astype(np.float32))


def head(modality: str, seed: int, skull: bool) -> tuple[Volume, NDArray[np.bool_]]:
    """A head with tumour, bias field and noise, and where its white matter is."""
    rng = np.random.default_rng(seed)
    gray_level, fluid_level, fat, bone, tumour, oedema = TISSUES[modality]
    gray, white, fluid = tissue_maps()
    brain = gray + white + fluid > 0.5
    image = gray_level * gray + white + fluid_level * fluid
    truth = white > 0.5

    candidates = np.argwhere((white > 0.8) & (ndimage.distance_transform_edt(brain) * SPACING > 12))
    grid = np.moveaxis(np.indices(brain.shape), 0, -1)
    from_tumour = np.linalg.norm(grid - candidates[rng.integers(len(candidates))], axis=-1) * SPACING
    image = np.where((from_tumour < 25) & brain, oedema, image)
    image = np.where((from_tumour < 15) & brain, tumour, image)
    truth &= from_tumour >= 25
    if skull:
        from_brain = ndimage.distance_transform_edt(~brain) * SPACING
        image = np.where(brain, image, np.select([from_brain < 7, from_brain < 14], [bone, fat], 0))
    bias = ndimage.zoom(rng.uniform(-0.2, 0.2, (3, 3, 3)), np.array(image.shape) / 3, order=1)
    noise = 0.04 * rng.standard_normal((2, *image.shape))
    image = np.hypot(image * np.exp(bias) + noise[0], noise[1]) * (1 if skull else brain)
    return (image * rng.uniform(80, 1500)).astype(np.float32), truth


def as_image(voxels: NDArray[np.floating[Any]], spacing: tuple[float, float, float] = (SPACING,) * 3) -> sitk.Image:
    """LPS axes, turned by 10 degrees about the left-right axis."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), np.pi / 18, 0, 0).GetMatrix())
    # nilearn's maps run to the patient's right, front and top: turn two axes to keep top up.
    return sitk.Flip(image, [True, True, False])


@cache
def found_in_brain(modality: str) -> WhiteMatter:
    return estimate_white_matter(as_image(head(modality, 1, skull=False)[0]), modality)


@pytest.mark.parametrize("modality", ["t2", "flair"])
def test_skull_stripped(modality: str) -> None:
    voxels, truth = head(modality, 1, skull=False)
    found = found_in_brain(modality)
    assert found.median == pytest.approx(np.median(voxels[truth]), rel=0.1)
    assert found.method == "estimated"
    assert 0.1 < found.share < 1


@pytest.mark.parametrize("modality", ["cet1", "flair"])
def test_whole_head_in_thick_slices(modality: str) -> None:
    voxels, truth = head(modality, 3, skull=True)
    slices = (voxels[0:-1:2] + voxels[1::2]) / 2
    found = estimate_white_matter(as_image(slices, (SPACING, SPACING, 2 * SPACING)), modality)
    assert found.median == pytest.approx(np.median(voxels[truth]), rel=0.1)


def test_unit_and_offset_of_the_scanner_do_not_matter() -> None:
    voxels, _ = head("flair", 1, skull=False)
    shifted = estimate_white_matter(as_image(voxels * np.float32(0.5) - 70), "flair")
    assert shifted.median == pytest.approx(found_in_brain("flair").median * 0.5 - 70, rel=0.01)


def test_slab_without_top_and_bottom() -> None:
    voxels, truth = head("t2", 5, skull=True)
    found = estimate_white_matter(as_image(voxels[25:50]), "t2")
    assert found.median == pytest.approx(np.median(voxels[25:50][truth[25:50]]), rel=0.1)


@pytest.mark.parametrize(
    ("actual", "claimed"),
    [("t1", "t2"), ("t2", "cet1"), ("t2", "flair")],
)
def test_another_contrast_is_refused(actual: str, claimed: str) -> None:
    voxels, _ = head(actual, 6, skull=True)
    with pytest.raises(InputError, match="does not look like"):
        estimate_white_matter(as_image(voxels), claimed)


def sphere(inside: float, noise: float = 0.0) -> Volume:
    grid = np.linalg.norm(np.indices((50, 50, 50)) - 25, axis=0)
    speckle = noise * np.random.default_rng(0).standard_normal(grid.shape)
    return np.asarray(np.where(grid < 22, inside, 0) + speckle, dtype=np.float32)


@pytest.mark.parametrize(
    ("voxels", "sentence"),
    [
        (np.zeros((40, 40, 40), np.float32), "shows"),
        (sphere(100), "no tissue contrast"),
        (sphere(100, noise=1), "no tissue contrast"),
        (np.where(np.indices((60, 60, 60)).min(0) < 50, 0, 100).astype(np.float32), "too little of the head"),
        (np.ones((40, 40, 5), np.float32), "not a head"),
        (np.ones((400, 4, 400), np.float32), "not a head"),
        (np.full((40, 40, 40), np.nan, np.float32), "NaN"),
    ],
)
def test_unusable_images(voxels: Volume, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        estimate_white_matter(as_image(voxels), "t2")


@pytest.mark.parametrize(
    ("image", "modality", "sentence"),
    [
        (sitk.Image([40, 40], sitk.sitkFloat32), "t2", "3-D image"),
        (sitk.Image([40, 40, 40, 2], sitk.sitkFloat32), "t2", "3-D image"),
        (sitk.Image([40, 40, 40], sitk.sitkVectorFloat32, 3), "t2", "3-D image"),
        (sitk.Image([40, 40, 40], sitk.sitkFloat32), "us", "MR only"),
        (sitk.Image([40, 40, 40], sitk.sitkFloat32), "t1", "Unknown modality"),
    ],
)
def test_wrong_kind_of_image(image: sitk.Image, modality: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        estimate_white_matter(image, modality)


@pytest.mark.parametrize(("modality", "expected"), [("t2", 287), ("cet1", 337), ("flair", 198)])
@pytest.mark.skipif(not REAL_CASE.is_dir(), reason="the real case lies outside the repository, in ../shared/data")
def test_real_case(modality: str, expected: float) -> None:
    """Expected: median of the white-matter cluster of a k-means on T1 and T2 together, away from the tumour."""
    found = estimate_white_matter(sitk.ReadImage(str(REAL_CASE / f"{modality}.nii.gz")), modality)
    assert found.median == pytest.approx(expected, rel=0.05)


def test_labels() -> None:
    rng = np.random.default_rng(0)
    voxels, labels = rng.random((8, 9, 10)), rng.choice([0, 2, 3, 41, 42], (8, 9, 10))
    inside = (labels == 2) | (labels == 41)
    found = white_matter_from_labels(voxels, labels)
    assert found.median == np.median(voxels[inside])
    assert found.share == pytest.approx(inside.mean())
    assert found.method == "labels"
    assert white_matter_from_labels(voxels, labels.astype(np.float32), [3]).median == np.median(voxels[labels == 3])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda voxels, labels: (voxels, labels[1:]), "shape"),
        (lambda voxels, labels: (voxels, labels * 0), "label 2 or 41"),
        (lambda voxels, labels: (np.where(labels == 2, np.nan, voxels), labels), "NaN"),
    ],
)
def test_unusable_labels(change: Callable[..., tuple[Volume, Volume]], sentence: str) -> None:
    voxels, labels = np.ones((4, 5, 6), np.float32), np.full((4, 5, 6), 2)
    with pytest.raises(InputError, match=sentence):
        white_matter_from_labels(*change(voxels, labels))

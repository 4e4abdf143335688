"""Real heads: BraTS's names and labels, maps that failed, what a sweep is aimed at, recolouring, invented tumours.

A head is made here of the template: ellipsoids of tissue would not be segmented as a brain is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae_training.simulation import RealHead, head_folders, load_real_head, simulate_case
from mmhvae_training.simulation.contrasts import CLINICAL, draw_contrast
from mmhvae_training.simulation.deformation import draw_warp
from mmhvae_training.simulation.lesions.tumour import draw_tumour
from mmhvae_training.simulation.mr_acquisition import MrAcquisition
from mmhvae_training.simulation.real_head import head_brain, real_anatomy
from mmhvae_training.simulation.real_lesion import recoloured, targets_for, with_invented
from mmhvae_training.simulation.segmentation import necrotic
from mmhvae_training.simulation.template import COARSE, load_template
from mmhvae_training.simulation.tissues import TISSUES, share_of, values
from scipy import ndimage

pytestmark = pytest.mark.long

TCGA = Path(__file__).parents[4] / "shared/data/tcga-fg-6692"
CENTRE = (35.0, 5.0, 35.0)  # LPS mm: on the left
T1 = {"white": 1.0, "grey": 0.75, "fluid": 0.25}


@lru_cache(maxsize=1)
def made() -> dict[str, np.ndarray]:
    """Contrasts and labels of a head whose tumour, on the left, has a dark middle, a rim and oedema."""
    template = load_template()
    named = dict(zip(("grey", "white", "ventricle"), template.maps, strict=False))
    brain = template.maps[-1] > 0
    grey, white = named["grey"] * brain, named["white"] * brain
    fluid = np.clip(brain - grey - white, 0, 1)
    means = {"t1": T1, **{n: {"white": values(n)["white"], "grey": values(n)["grey"], "fluid": values(n)["ventricle"]}
                          for n in CLINICAL}}  # fmt: skip
    images = {n: m["white"] * white + m["grey"] * grey + m["fluid"] * fluid for n, m in means.items()}
    distance = np.linalg.norm(template.grid.points() - np.float32(CENTRE), axis=-1)
    labels = np.zeros(brain.shape, np.uint8)
    for radius, label in ((20, 2), (13, 4), (9, 1)):
        labels[(distance < radius) & brain] = label
    tissue = {2: "oedema", 4: "rim", 1: "necrosis"}
    for label, name in tissue.items():
        for n in CLINICAL:
            images[n][labels == label] = values(n)[name]
        images["t1"][labels == label] = 0.6
    noise = 200 * np.random.default_rng(0).normal(1, 0.02, brain.shape)
    grey = {n: np.where(brain, np.clip(image * noise, 1, 255), 0).astype(np.float32) for n, image in images.items()}
    return {**grey, "tumor": labels}


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> RealHead:
    folder = tmp_path_factory.mktemp("heads") / "P1"
    folder.mkdir()
    endings = {"t1": "t1", "t2": "t2", "cet1": "t1ce", "flair": "flair", "tumor": "seg"}
    for name, array in made().items():
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(folder / f"P1_{endings[name]}.nii.gz"))
    return load_real_head(folder)


def test_plain_names_are_read_too_and_an_odd_grid_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "P"
    folder.mkdir()
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.uint8))
    for name in ("t1", "t2", "cet1", "flair", "tumor"):
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    image.SetSpacing((1, 1, 2))
    sitk.WriteImage(image, str(folder / "flair.nii.gz"))
    assert head_folders(tmp_path) == [folder]
    with pytest.raises(InputError, match=r"flair in .* is not on the 1 mm axial grid"):
        load_real_head(folder)


def test_tissues_are_found_where_they_are(head: RealHead) -> None:
    assert head.doubt is None
    anatomy, _ = real_anatomy(head)
    assert anatomy.shares.sum(0).max() < 1.02
    ball = {name: 4 / 3 * np.pi * (r**3 - s**3) / 1000 for name, r, s in (("oedema", 20, 13), ("rim", 13, 9))}
    for name, volume in ball.items():
        assert head.volume(name) == pytest.approx(volume, rel=0.25), name
    assert head.volume("necrosis") > 4 * head.volume("core")
    x = anatomy.grid.points()[..., 0]
    assert x[share_of(anatomy.shares, "rim") > 0.5].mean() > 20


@pytest.mark.parametrize("enhancing", [0, 3, 4])
def test_necrosis_is_dark_in_cet1_bright_in_t2_and_by_a_rim(enhancing: int) -> None:
    """Such a core is necrosis, whichever number the rim has; without a rim, or grey in T2, it is none."""
    distance = np.linalg.norm(np.indices((31, 31, 31)) - 15, axis=0)
    tumour = np.where(distance < 8, 1, np.where(distance < 12, enhancing, 0)).astype(np.uint8)
    inside = (distance < 8).astype(np.float32)
    even = {"cet1": 1 - 0.5 * inside, "t2": 1 + 1.2 * inside}
    classes = {"grey": {"t2": 1.1}, "fluid": {"t2": 2.4}}
    found = necrotic(even, classes, tumour)
    assert found[15, 15, 15] == pytest.approx(1.0 if enhancing else 0.0)
    assert found[distance > 10].max() == 0
    assert necrotic(even | {"t2": np.ones_like(inside)}, classes, tumour).max() == 0


@pytest.mark.parametrize(("white", "grey", "doubt"), [(0.1, 0.9, "grey as white"), (0.9, 0.1, "grey as white")])
def test_a_head_of_one_tissue_is_doubted(head: RealHead, white: float, grey: float, doubt: str) -> None:
    shares = head.shares.copy()
    both = share_of(shares.astype(np.float32), "white", "grey", "deep")
    shares[TISSUES.index("deep")] = 0
    for name, part in (("white", white), ("grey", grey)):
        shares[TISSUES.index(name)] = part * both
    assert doubt in str(replace(head, shares=shares).doubt)


@pytest.mark.parametrize("seed", [0, 1])
def test_targets_lie_in_the_tumour_or_far_from_it(head: RealHead, seed: int) -> None:
    warp = draw_warp(np.random.default_rng(seed))
    brain, solid, lesion = head_brain(head, warp)
    own = targets_for("own", brain, solid, lesion)
    assert own.any()
    assert (solid[own] > 0.5).all()
    side = np.sign(brain.world[own][:, 0].mean())
    assert side == (-1 if warp.flip else 1)
    away = ndimage.distance_transform_edt(lesion < 0.5) * COARSE
    for kind in ("none", "invented"):
        assert away[targets_for(kind, brain, solid, lesion)].min() > 20


def test_recolouring_moves_each_tissue_by_what_was_drawn(head: RealHead) -> None:
    anatomy, images = real_anatomy(head)
    plain = MrAcquisition(axis=0, thickness=1.0, blur=0.0, bias=0.0, noise=0.0, seed=0)
    contrast = replace(draw_contrast(np.random.default_rng(1), "t2"), acquisition=plain, scale=1.0, texture=0.0)
    drawn = recoloured(contrast, anatomy.shares, images["t2"], "t2")
    assert not drawn[images["t2"] == 0].any()
    eroded = {n: ndimage.binary_erosion(share_of(anatomy.shares, n) > 0.9, iterations=1) for n in ("white", "oedema")}
    for name, where in eroded.items():
        assert np.median(drawn[where]) == pytest.approx(contrast.means[name], rel=0.06), name


def test_an_invented_tumour_is_seen_in_every_contrast(head: RealHead) -> None:
    anatomy, images = real_anatomy(head)
    before = {name: image.copy() for name, image in images.items()}
    place = (-35.0, 5.0, 35.0)
    tumour = replace(draw_tumour(np.random.default_rng(2), place), radii=(9, 9, 9), rim=3.0, patchiness=0.0, cyst=None)
    images = with_invented(tumour, anatomy, images)
    assert anatomy.shares.sum(0).max() < 1.02
    right = anatomy.grid.points()[..., 0] < 0
    rim = (share_of(anatomy.shares, "rim") > 0.8) & right
    assert rim.sum() > 300
    white = share_of(anatomy.shares, "white") > 0.95
    assert np.median(images["cet1"][rim]) > 1.3 * np.median(images["cet1"][white])
    left = share_of(anatomy.shares, "core", "rim", "necrosis", "oedema") < 0.01
    for name, image in images.items():
        assert np.allclose(image[left], before[name][left], rtol=0.02)


def test_a_sweep_over_the_patients_own_tumour_sees_it(head: RealHead) -> None:
    case = simulate_case(1, 2.0, True, head=head)
    assert case.parameters["head"] == {"name": "P1", "lesion": "own"}
    seen = case.parameters["visibility"]
    assert seen["solid"]["ml"] > 0.5
    assert seen["solid"]["roc"] > 0.6


def test_folders_without_a_patient_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        load_real_head(tmp_path)
    with pytest.raises(InputError, match="holds no patient"):
        head_folders(tmp_path)


@pytest.mark.skipif(not TCGA.is_dir(), reason="shared/data/tcga-fg-6692 is not beside the repository")
def test_a_real_patient() -> None:
    real = load_real_head(TCGA)
    assert real.doubt is None
    assert 15 < real.volume("ventricle") < 90
    assert 0.6 < real.volume("grey", "deep") / real.volume("white") < 1.6
    assert real.volume("oedema") > 10
    assert real.volume("rim") > 3
    anatomy, contrasts = real_anatomy(real)
    median = {
        (modality, name): np.median(contrasts[modality][share_of(anatomy.shares, name) > 0.9])
        for modality in ("t2", "flair")
        for name in ("ventricle", "white")
    }
    assert median["t2", "ventricle"] > 2 * median["t2", "white"]
    assert median["flair", "ventricle"] < 0.5 * median["flair", "white"]
    # The tumour is on the patient's right, x < 0 in LPS.
    x = anatomy.grid.points()[..., 0]
    assert x[share_of(anatomy.shares, "oedema", "rim") > 0.5].mean() < -15

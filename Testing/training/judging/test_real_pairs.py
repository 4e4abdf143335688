"""Synthetic against true MR of real patients: the measures against loops over windows, and which files make a pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae_training.judging.real_pairs import EDGE_MM, compared, find_pairs, windowed_correlation
from scipy import ndimage

SPACING = (1.0, 2.0, 1.5)
RESECT = Path(__file__).parents[4] / "shared/data/resect"


def volumes(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = (ndimage.gaussian_filter(rng.normal(size=(24, 16, 20)), 1) for _ in range(2))
    mask = np.linalg.norm(np.indices(a.shape).T - [12, 8, 10], axis=-1).T < 9
    return a.astype(np.float32), (a + b).astype(np.float32), mask


def inner_of(mask: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(np.pad(mask, 1), sampling=SPACING)[1:-1, 1:-1, 1:-1] > EDGE_MM


def test_windows_are_correlated_as_a_loop_does_it() -> None:
    a, b, mask = volumes()
    local = windowed_correlation(a, b, mask, SPACING)
    for k, j, i in ((12, 8, 10), (5, 8, 10), (12, 3, 14)):
        box = tuple(slice(max(c - r, 0), c + r + 1) for c, r in zip((k, j, i), (4, 2, 2), strict=True))
        x, y = a[box][mask[box]], b[box][mask[box]]
        assert local[k, j, i] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-4)


def test_a_flat_image_correlates_with_nothing_and_a_copy_fully() -> None:
    a, _, mask = volumes()
    assert not windowed_correlation(np.full_like(a, 3), a, mask, SPACING).any()
    copied = compared(5 * a + 2, a + 10, mask, SPACING)
    assert copied["global"] == pytest.approx(1)
    assert copied["local"] == pytest.approx(1, abs=1e-3)


def test_edge_and_unknown_voxels_do_not_count() -> None:
    a, b, mask = volumes()
    truth = b + 10
    expected = compared(a, truth, mask, SPACING)["global"]
    spoilt = np.where(inner_of(mask), truth, 1e3).astype(np.float32)
    assert compared(a, spoilt, mask, SPACING)["global"] == pytest.approx(expected)
    unknown = truth.copy()
    unknown[:10] = -1
    inner = inner_of(mask & (unknown >= 0))
    assert compared(a, unknown, mask, SPACING)["global"] == pytest.approx(np.corrcoef(a[inner], b[inner])[0, 1])


def write(folder: Path, name: str, shift: float = 0.0) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).uniform(1, 200, (30, 30, 30)).astype(np.float32))
    image.SetOrigin((shift, 0, 0))
    sitk.WriteImage(image, str(folder / name))


def test_a_navigated_mr_is_brought_over_by_its_landmarks(tmp_path: Path) -> None:
    """MR and landmarks 4 mm apart along x: the truth on the ultrasound's grid is the ultrasound again."""
    write(tmp_path, "P-us.nii.gz")
    write(tmp_path, "P-cet1-navigation.nii.gz", shift=4)
    points = np.random.default_rng(1).uniform(5, 25, (6, 3))
    rows = [[-x - 4, -y, z, -x, -y, z] for x, y, z in points.tolist()]  # RAS: MRI, then ultrasound
    text = "".join(" " + " ".join(f"{v:.6f}" for v in row) + ' ""\n' for row in rows)
    (tmp_path / "landmarks").mkdir()
    tag = f"MNI Tag Point File\nVolumes = 2;\n\nPoints =\n{text.rstrip()};\n"
    (tmp_path / "landmarks" / "P-MRI-beforeUS.tag").write_text(tag)
    (pair,) = find_pairs(tmp_path)
    assert (pair.name, pair.modality) == ("P", "cet1")
    inner = (slice(2, -2),) * 3
    truth, us = (sitk.GetArrayFromImage(image)[inner] for image in (pair.truth(), pair.us))
    assert np.allclose(truth, us, atol=1e-2)


def test_a_patient_without_a_pair_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no NAME-cet1"):
        find_pairs(tmp_path)
    write(tmp_path, "P-us.nii.gz")
    write(tmp_path, "P-cet1-warped.nii.gz")
    assert [pair.name for pair in find_pairs(tmp_path, ["P"])] == ["P"]
    with pytest.raises(InputError, match="of Q"):
        find_pairs(tmp_path, ["P", "Q"])


@pytest.mark.skipif(not RESECT.is_dir(), reason="shared/data/resect is not beside the repository")
def test_resects_pairs_are_found() -> None:
    assert [pair.name for pair in find_pairs(RESECT)] == ["Case2", "Case21", "Case23"]

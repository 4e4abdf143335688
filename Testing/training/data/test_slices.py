"""Cases on disk to batches of slices."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae_training.data.slices import draw_consecutive, draw_scattered, fullest_slice, load_case

FOUR = ("us", "t2", "cet1", "flair")


def test_cases_are_normalised_and_harmonised(tmp_path, write_case):
    case = load_case(write_case(tmp_path / "a", ("us", "t2")), FOUR)
    assert set(case.inputs) == {"us", "t2"}
    assert all((volume[~case.mask] == -1).all() for volume in [*case.inputs.values(), *case.targets.values()])
    assert case.inputs["us"][case.mask].max() == 1
    assert (np.median(case.targets["t2"][-6:][case.mask[-6:]]) + 1) / 2 == pytest.approx(1 / 7, abs=0.01)  # white half
    with pytest.raises(InputError, match="none of"):
        load_case(tmp_path, FOUR)


def test_white_matter_measured_on_the_whole_head_serves_a_case_without_labels(tmp_path, write_case):
    folder = write_case(tmp_path / "a", ("t2",))
    (folder / "labels.nii.gz").unlink()
    with pytest.raises(InputError, match="says nothing of its white matter"):
        load_case(folder, FOUR)
    (folder / "white-matter.json").write_text('{"t2": {"median": 350.0, "method": "estimated", "share": 0.2}}')
    case = load_case(folder, FOUR)
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "t2.nii.gz")))
    expected = 2 * np.median(voxels[-7:][voxels[-7:] > 0]) / 350 / 7 - 1
    assert np.median(case.targets["t2"][-6:][case.mask[-6:]]) == pytest.approx(expected, abs=5e-3)


def test_a_finer_case_is_brought_to_the_models_spacing(tmp_path, write_case):
    coarse = load_case(write_case(tmp_path / "coarse", ("us", "t2")), FOUR)
    (tmp_path / "fine").mkdir()
    for path in (tmp_path / "coarse").iterdir():
        image = sitk.Expand(sitk.ReadImage(str(path)), [2, 2, 2], sitk.sitkNearestNeighbor)
        sitk.WriteImage(image, str(tmp_path / "fine" / path.name))
    fine = load_case(tmp_path / "fine", FOUR)
    assert max(abs(a - b) for a, b in zip(fine.mask.shape, coarse.mask.shape, strict=True)) <= 1
    levels = [np.percentile(case.targets["t2"][case.mask], (25, 75)) for case in (coarse, fine)]
    np.testing.assert_allclose(levels[1], levels[0], atol=0.05)


def test_headers_that_differ_by_rounding_are_one_grid(tmp_path, write_case):
    folder = write_case(tmp_path / "a", ("us", "t2"))
    expected = load_case(folder, FOUR)
    image = sitk.ReadImage(str(folder / "t2.nii.gz"))
    image.SetOrigin([5e-5, 0.0, 0.0])  # a 20,000th of a voxel: SimpleITK multiplies images up to a millionth
    sitk.WriteImage(image, str(folder / "t2.nii.gz"))
    np.testing.assert_array_equal(load_case(folder, FOUR).targets["t2"], expected.targets["t2"])


def test_fluid_is_where_the_label_map_says_on_the_models_grid(tmp_path, write_case):
    folder = write_case(tmp_path / "a", ("us", "t2"))
    labels = sitk.ReadImage(str(folder / "labels.nii.gz"))
    labels[8:12, 9:12, 7:11], labels[14:16, 9:12, 7:11] = 7, 9  # ventricle and cyst, indices (i, j, k)
    sitk.WriteImage(labels, str(folder / "labels.nii.gz"))
    case = load_case(folder, FOUR)
    assert case.fluid is not None
    assert case.fluid.sum() == (4 + 2) * 3 * 4
    batch = fullest_slice(case, 32)
    assert batch.fluid is not None
    assert batch.fluid.shape == batch.mask.shape
    assert int(batch.fluid.sum()) == int(case.fluid[case.mask.sum((1, 2)).argmax()].sum())
    (folder / "labels.nii.gz").unlink()
    (folder / "white-matter.json").write_text('{"t2": {"median": 200.0}}')
    assert load_case(folder, FOUR).fluid is None


@pytest.mark.parametrize("draw", [draw_scattered, draw_consecutive])
def test_batches_hold_the_same_pixels_of_every_modality(case_folder, draw):
    case = load_case(case_folder / "case-0", FOUR)
    for seed in range(4):
        batch = draw(case, 4, 16, np.random.default_rng(seed))
        assert batch.observed == FOUR
        for name in batch.observed:
            assert batch.inputs[name].shape == (4, 1, 16, 16)
            assert ((batch.inputs[name] > -1) == batch.mask).float().mean() > 0.99
        torch.testing.assert_close(batch.inputs["us"], batch.targets["us"])
    halves = [batch.share(rank, 2) for rank in range(2)]
    assert torch.equal(torch.cat([half.mask for half in halves]), batch.mask)
    assert torch.equal(torch.cat([half.fluid for half in halves]), batch.fluid)
    assert torch.equal(torch.cat([half.targets["t2"] for half in halves]), batch.targets["t2"])


def test_small_cases_are_padded(case_folder):
    case = load_case(case_folder / "case-0", FOUR)
    for draw in (draw_scattered, draw_consecutive):
        batch = draw(case, 2, 48, np.random.default_rng(0))
        assert batch.inputs["us"].shape == (2, 1, 48, 48)
        assert (batch.inputs["us"][~batch.mask] == -1).all()


def test_consecutive_slices_are_neighbours_with_rows_along_i(case_folder):
    case = load_case(case_folder / "case-0", FOUR)  # arrays are (k, j, i)
    count, columns, rows = case.mask.shape
    seen = set()
    for seed in range(12):
        batch = draw_consecutive(case, 5, 32, np.random.default_rng(seed))
        inside = batch.targets["t2"][:, 0, (32 - rows + 1) // 2 :, (32 - columns + 1) // 2 :][
            :, :rows, :columns
        ].numpy()
        expected = case.targets["t2"].swapaxes(1, 2)  # (k, i, j)
        for flip in (False, True):
            shown = inside[:, ::-1] if flip else inside
            starts = [k for k in range(count - 4) if np.array_equal(shown, expected[k : k + 5].astype(np.float32))]
            seen |= {(start, flip) for start in starts}
    assert len(seen) >= 6
    assert {flip for _, flip in seen} == {False, True}


def test_the_fullest_slice_sees_most(case_folder):
    case = load_case(case_folder / "case-0", FOUR)
    assert int(fullest_slice(case, 48).mask.sum()) == case.mask.sum((1, 2)).max()

"""Geometry: fields of view, working grids, orientation, and the way back to the exact grid; against SimpleITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import write_volume
from mmhvae.images.volumes import (
    SMALLEST_WEIGHT,
    WayBack,
    bounding_box,
    check_volume,
    field_of_view,
    from_slices,
    image_on,
    largest_section,
    read_volume,
    resampled_within,
    same_grid,
    to_slices,
    working_grid,
)


def smooth_volume(grid: sitk.Image, seed: int = 0) -> sitk.Image:
    """A smooth function of the LPS point, so that its value on any grid is known; positive everywhere."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 0.05, (4, 3))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.GetSize()], indexing="ij"), -1).reshape(-1, 3)
    matrix = np.reshape(grid.GetDirection(), (3, 3)) * grid.GetSpacing()
    points = index @ matrix.T + grid.GetOrigin()
    values = 3 + np.sin(points @ waves.T).sum(1) / 2
    return image_on(values.reshape(grid.GetSize()).transpose().astype(np.float32), grid)


def ball(grid: sitk.Image, radius: float) -> sitk.Image:
    """A ball of ``radius`` mm at the grid's centre, as a uint8 mask."""
    centre = np.array(grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in grid.GetSize()]))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.GetSize()], indexing="ij"), -1).reshape(-1, 3)
    points = index @ (np.reshape(grid.GetDirection(), (3, 3)) * grid.GetSpacing()).T + grid.GetOrigin()
    inside = np.linalg.norm(points - centre, axis=1) <= radius
    return image_on(inside.reshape(grid.GetSize()).transpose().astype(np.uint8), grid)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_a_volume_comes_back_on_its_exact_grid(oblique, seed, spacing):
    axis = seed % 3
    image = smooth_volume(oblique(seed))
    field = ball(image, 14.0)
    grid = working_grid(field, spacing, axis)
    array, share = resampled_within(image, field, grid)
    back = WayBack(share > SMALLEST_WEIGHT, grid, field).image(from_slices(to_slices(array, axis), axis))
    assert same_grid(back, image)
    inside = sitk.GetArrayFromImage(field) > 0
    error = np.abs(sitk.GetArrayFromImage(back) - sitk.GetArrayFromImage(image))[inside]
    assert error.max() < 0.06  # of values between 1 and 5; nothing is mixed with the 0 outside
    assert error.mean() < 0.006
    assert (sitk.GetArrayFromImage(back)[~inside] == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_working_values_agree_with_the_function_they_sample(oblique, seed):
    image = smooth_volume(oblique(seed))
    grid = working_grid(ball(image, 14.0), 0.8, 2)
    array, share = resampled_within(image, ball(image, 14.0), grid)
    truth = sitk.GetArrayFromImage(smooth_volume(grid))
    assert np.abs(array - truth)[share > 0.999].max() < 0.02


def test_voxels_of_the_models_spacing_stay_where_they_are(oblique):
    image = oblique(3)
    image.SetSpacing([0.5001, 0.4999, 0.5])
    field = ball(image, 6.0)
    start, size = bounding_box(field)
    grid = working_grid(field, 0.5, 2)
    assert list(grid.GetSize()) == size
    np.testing.assert_allclose(grid.GetOrigin(), image.TransformIndexToPhysicalPoint(start), atol=1e-6)


@pytest.mark.parametrize(
    ("own", "axis", "expected"),
    [
        ((1.0, 1.0, 1.0), 2, (0.5, 0.5, 0.5)),
        ((0.9, 1.0, 1.1), 2, (0.5, 0.5, 0.5)),
        ((1.0, 1.0, 3.0), 2, (0.5, 0.5, 3.0)),  # thick slices are not interpolated
        ((1.0, 1.0, 3.0), 0, (0.5, 0.5, 0.5)),  # in-plane pixels are always square
        ((3.0, 1.0, 1.0), 0, (3.0, 0.5, 0.5)),
    ],
)
def test_spacing_of_the_working_grid(oblique, own, axis, expected):
    image = oblique(0)
    image.SetSpacing(own)
    np.testing.assert_allclose(working_grid(ball(image, 8.0), 0.5, axis).GetSpacing(), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_asymmetric_image_proves_the_orientation(axis):
    image = sitk.Image(3, 4, 5, sitk.sitkInt16)
    for index in np.ndindex(3, 4, 5):
        image[tuple(map(int, index))] = 100 * index[0] + 10 * index[1] + index[2]
    slices = to_slices(sitk.GetArrayFromImage(image), axis)
    rows, columns = (a for a in range(3) if a != axis)
    weights = (100, 10, 1)
    assert slices[2, 1, 3 if columns else 0] == 2 * weights[axis] + weights[rows] + 3 * weights[columns]
    np.testing.assert_array_equal(from_slices(slices, axis), sitk.GetArrayFromImage(image))


def test_the_field_of_view_keeps_dark_fluid_but_not_the_outside(oblique):
    image = oblique(1)
    sweep = sitk.GetArrayFromImage(ball(image, 15.0)).astype(np.float32) * 50
    fluid = sitk.GetArrayFromImage(ball(image, 5.0)) > 0
    field = sitk.GetArrayFromImage(field_of_view(image_on(np.where(fluid, 0, sweep), image)))
    assert field[fluid].all()
    np.testing.assert_array_equal(field > 0, sweep > 0)


def test_fluid_that_opens_onto_the_edge_is_closed_over():
    array = np.zeros((40, 40, 40), np.float32)
    array[5:35, 5:35, 5:35] = 1
    array[15:20, 15:20, 5:20] = 0  # a channel of 5 voxels to the edge
    field = sitk.GetArrayFromImage(field_of_view(sitk.GetImageFromArray(array)))
    assert field[15:20, 15:20, 8:20].all()
    assert not field[:5].any()


def file_of(kind: str, path):
    array = np.ones((6, 7, 8), np.float32)
    array[2:4] = 5
    image = sitk.GetImageFromArray(array)
    if kind == "2-D":
        image = sitk.GetImageFromArray(array[0])
    elif kind == "4-D":
        image = sitk.JoinSeries([image, image])
    elif kind == "vector":
        image = sitk.Compose(image, image)
    elif kind == "zero":
        image = image * 0
    elif kind in ("nan", "inf"):
        array[1, 1, 1] = float(kind)
        image = sitk.GetImageFromArray(array)
    elif kind == "thin":
        image = image[:, :, :1]
    elif kind == "metres":
        image.SetSpacing([0.0005, 0.0005, 0.0005])
    elif kind == "huge":
        image.SetSpacing([1, 1, 10_000 / 6])
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("2-D", "dimensions"), ("4-D", "dimensions"), ("vector", "several values"), ("zero", "zero everywhere"),
        ("nan", "NaN"), ("inf", "NaN or infinite"), ("thin", "one voxel thick"), ("huge", "millimetres"),
        ("metres", "millimetres"),
    ],
)  # fmt: skip
def test_volumes_that_cannot_be_used(tmp_path, kind, words):
    with pytest.raises(InputError, match=words) as caught:
        read_volume(file_of(kind, tmp_path / "x.nrrd"), "iUS")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "broken.nii.gz").write_bytes(b"not an image")
    for name in ("missing.nii.gz", "broken.nii.gz"):
        with pytest.raises(InputError, match=name):
            read_volume(tmp_path / name)
    (tmp_path / "flat.mha").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementSpacing = 0 1 1\nElementType = MET_UCHAR\n"
        "ElementDataFile = LOCAL\n12345678"
    )
    with pytest.raises(InputError, match="flat"):
        read_volume(tmp_path / "flat.mha")


def test_an_empty_field_of_view_is_refused():
    with pytest.raises(InputError, match="empty"):
        bounding_box(sitk.Image(4, 4, 4, sitk.sitkUInt8))


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    image = check_volume(sitk.GetImageFromArray(np.ones((4, 4, 4), np.float32)))
    write_volume(image, tmp_path / "new" / "a.nii.gz")
    assert same_grid(sitk.ReadImage(str(tmp_path / "new" / "a.nii.gz")), image)

    def full_disk(*_args, **_kwargs):
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(sitk, "WriteImage", full_disk)
    with pytest.raises(InputError, match="free space"):
        write_volume(image, tmp_path / "new" / "b.nii.gz")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.nii.gz"]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_largest_section_of_a_mask_is_found_along_any_axis(axis):
    index = np.indices((9, 10, 11))[::-1]  # i, j, k
    plate = np.abs(index[axis] - 4) < 1
    near = sum((index[a] - 4) ** 2 for a in range(3) if a != axis) < 10
    assert largest_section(plate & near) == (axis, 4)
    assert largest_section((plate & near).astype(np.uint8) * 3) == (axis, 4)

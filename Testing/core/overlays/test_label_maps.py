"""Label maps on other grids: place, volume and topology, against analytic shapes and other libraries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.overlays.label_maps import overlay
from scipy import ndimage
from skimage.measure import euler_number

Shape = Callable[[np.ndarray], np.ndarray]


def norm(p: np.ndarray) -> np.ndarray:
    return np.linalg.norm(p, axis=-1)


#: Depth in mm at (..., 3) points around the origin.
SHAPES: dict[str, Shape] = {
    "ball": lambda p: 8 - norm(p),
    "cyst": lambda p: np.minimum(10 - norm(p), norm(p) - 6),
    "thin wall": lambda p: np.minimum(10 - norm(p), norm(p) - 8.8),
    "ring": lambda p: 2.5 - np.hypot(np.hypot(p[..., 0], p[..., 1]) - 8, p[..., 2]),
    "tract": lambda p: (
        1.1 - np.maximum(np.hypot(p[..., 0] - 3 * np.sin(p[..., 2] / 4), p[..., 1]), np.abs(p[..., 2]) - 9)
    ),
    "two near": lambda p: np.maximum(5 - norm(p - [5.8, 0, 0]), 5 - norm(p - [-5.8, 0, 0])),
    "plate": lambda p: np.minimum(0.9 - np.abs(p[..., 2]), 9 - norm(p)),
}


def grid(rng: np.random.Generator, spacing: tuple[float, float], extent: float, left_handed: bool) -> sitk.Image:
    """An oblique, anisotropic grid around the origin."""
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    if (np.linalg.det(direction) < 0) != left_handed:
        direction[:, 0] *= -1
    steps = rng.uniform(*spacing, 3)
    size = np.ceil(extent / steps).astype(int)
    image = sitk.Image(size.tolist(), sitk.sitkUInt8)
    image.SetSpacing(steps.tolist())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin((-direction @ ((size - 1) / 2 * steps)).tolist())
    return image


def points(image: sitk.Image) -> np.ndarray:
    """(D, H, W, 3) LPS mm of the voxels."""
    index = np.stack(np.meshgrid(*map(np.arange, image.GetSize()[::-1]), indexing="ij"), -1)[..., ::-1]
    matrix = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    return index @ matrix.T + np.array(image.GetOrigin())


def pose(rng: np.random.Generator, offset: float = 3.0) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*rng.uniform(-0.5, 0.5, 3))
    transform.SetTranslation(rng.uniform(-offset, offset, 3).tolist())
    return transform


def moved(transform: sitk.Transform, places: np.ndarray) -> np.ndarray:
    """What the transform makes of (..., 3) points, from what it makes of four."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = np.array([transform.TransformPoint(unit) for unit in np.eye(3).tolist()]) - origin
    return places @ columns + origin


def label_map(array: np.ndarray, like: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    image.CopyInformation(like)
    return image


def betti(mask: np.ndarray) -> tuple[int, int, int]:
    """Pieces, tunnels, cavities, by SciPy and scikit-image."""
    pieces = ndimage.label(mask, np.ones((3, 3, 3)))[1]
    holes = ndimage.label(~np.pad(mask, 1))[1] - 1
    return pieces, pieces + holes - euler_number(np.pad(mask, 1), connectivity=3), holes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SHAPES)
def test_a_structure_keeps_its_place_volume_and_topology(name, seed):
    rng = np.random.default_rng(seed)
    source, reference = grid(rng, (0.7, 1.3), 34, seed == 1), grid(rng, (0.5, 1.2), 44, seed == 2)
    transform, turn = pose(rng), np.linalg.qr(rng.standard_normal((3, 3)))[0]
    mask = SHAPES[name](points(source) @ turn) > 0
    image, (report,) = overlay(label_map(mask, source), transform, reference)
    result = sitk.GetArrayFromImage(image) == 1
    assert (image.GetSize(), image.GetSpacing()) == (reference.GetSize(), reference.GetSpacing())
    assert (image.GetOrigin(), image.GetDirection()) == (reference.GetOrigin(), reference.GetDirection())
    volumes = [m.sum() * np.prod(i.GetSpacing()) for m, i in ((mask, source), (result, reference))]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.02)
    assert (report.volume_mm3, report.on_grid_mm3) == pytest.approx(tuple(volumes))
    assert report.outside == 0
    assert betti(result) == betti(mask)
    assert report.topology_kept
    assert report.pieces == betti(mask)[0]
    depth = SHAPES[name](moved(transform, points(reference)) @ turn)
    off = np.linalg.norm(source.GetSpacing())  # the original's own voxels are no truer than this
    assert not (result & (depth < -off)).any()
    assert not (~result & (depth > off)).any()


def test_the_nearest_neighbour_would_not_do():
    """What the tests above ask for is not what any resampling gives."""
    torn = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        source, reference = grid(rng, (0.7, 1.3), 34, seed == 1), grid(rng, (0.5, 1.2), 44, seed == 2)
        mask = SHAPES["thin wall"](points(source)) > 0
        near = sitk.Resample(label_map(mask, source), reference, pose(rng), sitk.sitkNearestNeighbor)
        torn += betti(sitk.GetArrayFromImage(near) > 0) != betti(mask)
    assert torn == 3


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_touch_still_do(seed):
    rng = np.random.default_rng(seed)
    source, reference = grid(rng, (0.7, 1.3), 36, seed == 1), grid(rng, (0.5, 1.2), 46, seed == 2)
    p = points(source)
    array = np.select([norm(p) < 3.5, norm(p) < 8, (norm(p) < 13) & (p[..., 0] > 0), norm(p) < 13], [300, 1, 2, 7], 0)
    labels = sitk.GetImageFromArray(array.astype(np.int32))
    labels.CopyInformation(source)
    image, reports = overlay(labels, pose(rng), reference)
    result = sitk.GetArrayFromImage(image)
    assert [report.value for report in reports] == [1, 2, 7, 300]
    assert set(np.unique(result)) == {0, 1, 2, 7, 300}
    for report in reports:
        assert betti(result == report.value) == betti(array == report.value)
        volume = (array == report.value).sum() * np.prod(source.GetSpacing())
        assert (result == report.value).sum() * np.prod(reference.GetSpacing()) == pytest.approx(volume, rel=0.02)
    assert betti(result > 0) == (1, 0, 0)  # nor a gap between them


def test_a_label_inside_another_is_not_painted_over():
    """The larger label has a passage to what lies in it, which the grid may close, but may not fill."""
    p = np.moveaxis(np.indices((30, 30, 30)), 0, -1) - 14.6
    passage = (np.hypot(p[..., 0], p[..., 1]) < 0.6) & (p[..., 2] > 0)
    array = np.select([norm(p) < 2.2, passage, norm(p) < 9], [1, 0, 2], 0)
    labels = sitk.GetImageFromArray(array.astype(np.uint8))
    for seed in range(3):
        reference = grid(np.random.default_rng(seed), (0.8, 1.3), 60, False)
        image, reports = overlay(labels, pose(np.random.default_rng(seed), 1.0), reference)
        assert [report.pieces for report in reports] == [1, 1]
        assert reports[0].on_grid_mm3 == pytest.approx(reports[0].volume_mm3, rel=0.05)
        assert betti(sitk.GetArrayFromImage(image) == 1) == (1, 0, 0)


def test_what_lies_outside_the_grid_is_told():
    rng = np.random.default_rng(5)
    source, reference = grid(rng, (0.9, 1.1), 40, False), grid(rng, (0.7, 0.9), 60, True)
    mask = SHAPES["ball"](points(source)) > 0
    edge = np.array(
        reference.TransformContinuousIndexToPhysicalPoint((-0.5, *(n / 2 for n in reference.GetSize()[1:])))
    )
    shifted = sitk.TranslationTransform(3, (-edge).tolist())  # the ball's centre lies on the grid's face
    image, (report,) = overlay(label_map(mask, source), shifted, reference)
    assert report.outside == pytest.approx(0.5, abs=0.03)
    assert report.on_grid_mm3 == pytest.approx(0.5 * report.volume_mm3, rel=0.04)
    assert betti(sitk.GetArrayFromImage(image) > 0) == (1, 0, 0)
    beyond = sitk.TranslationTransform(3, (-3 * edge).tolist())
    image, (report,) = overlay(label_map(mask, source), beyond, reference)
    assert (report.outside, report.pieces, report.on_grid_mm3) == (1.0, 0, 0.0)
    assert not sitk.GetArrayViewFromImage(image).any()


def test_small_things_survive_coarse_voxels():
    rng = np.random.default_rng(2)
    source, reference = grid(rng, (0.5, 0.6), 30, False), grid(rng, (1.8, 2.2), 44, True)
    p = points(source)
    line = np.hypot(p[..., 0], p[..., 1]) < 0.5
    line &= np.abs(p[..., 2]) < 10
    array = np.select([line, norm(p - [8, 0, 0]) < 0.9], [1, 2], 0)
    image, reports = overlay(label_map(array, source), sitk.Transform(3, sitk.sitkIdentity), reference)
    result = sitk.GetArrayFromImage(image)
    assert [betti(result == value) for value in (1, 2)] == [(1, 0, 0)] * 2
    assert all(report.topology_kept for report in reports)
    ends = points(reference)[result == 1]
    assert np.ptp(ends[:, 2]) > 20 - 4  # a tract keeps its length to two voxels


def test_a_map_of_nothing_and_of_everything():
    reference = sitk.Image(12, 10, 8, sitk.sitkUInt8)
    image, reports = overlay(reference, sitk.Euler3DTransform(), reference)
    assert reports == []
    assert not sitk.GetArrayViewFromImage(image).any()
    image, (report,) = overlay(reference + 1, sitk.Euler3DTransform(), reference)
    assert sitk.GetArrayViewFromImage(image).all()
    assert report.on_grid_mm3 == report.volume_mm3 == 960


def test_a_real_segmentation_keeps_its_pieces_and_holes(shared_data):
    """Ragged, three labels inside each other, dozens of pieces and tunnels: as surgeons have them."""
    labels = sitk.ReadImage(str(shared_data / "tcga-fg-6692" / "tumor.nii.gz"))
    array = sitk.GetArrayFromImage(labels)
    middle = np.argwhere(array)[:, ::-1].mean(axis=0)
    centre = np.array(labels.TransformContinuousIndexToPhysicalPoint(middle.tolist()))
    reference = sitk.Image(130, 130, 130, sitk.sitkUInt8)
    reference.SetSpacing((0.7, 0.7, 0.7))
    reference.SetOrigin((-45.5, -45.5, -45.5))
    transform = pose(np.random.default_rng(0), 1.0)
    transform.SetTranslation((centre + transform.GetTranslation()).tolist())
    image, reports = overlay(labels, transform, reference)
    result = sitk.GetArrayFromImage(image)
    for report in reports:
        assert report.outside == 0
        assert report.on_grid_mm3 == pytest.approx(report.volume_mm3, rel=0.02)
        before, after = betti(array == report.value), betti(result == report.value)
        assert (before[0], before[2]) == (after[0], after[2])
        assert abs(before[1] - after[1]) <= 2


BENT = sitk.BSplineTransform(3)
FLAT = sitk.AffineTransform((1, 0, 0, 0, 1, 0, 0, 0, 0), (0, 0, 0))


@pytest.mark.parametrize(
    ("labels", "transform", "words"),
    [
        (sitk.Image(4, 4, sitk.sitkUInt8), None, "3-D"),
        (sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 2), None, "single 3-D"),
        (sitk.Image(4, 4, 4, sitk.sitkFloat32) + 0.5, None, "whole numbers"),
        (sitk.Image(4, 4, 4, sitk.sitkFloat32) / 0, None, "no labels"),
        (sitk.Image(4, 4, 4, sitk.sitkInt16) - 1, None, "negative"),
        (sitk.Image(4, 4, 4, sitk.sitkComplexFloat32), None, "whole numbers"),
        (None, BENT, "not linear"),
        (None, FLAT, "flattens"),
    ],
)
def test_what_cannot_be_used_is_refused(labels, transform, words):
    volume = sitk.Image(4, 4, 4, sitk.sitkUInt8) + 1
    with pytest.raises(InputError, match=words):
        overlay(labels or volume, transform or sitk.Euler3DTransform(), volume)

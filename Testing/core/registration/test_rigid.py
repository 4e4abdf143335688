"""Rigid registration of a smooth random scene: known poses on awkward grids, directions, masks and bad input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import Cancelled, InputError
from mmhvae.images.transforms import exp_se3, nearest_rotation, to_matrix
from mmhvae.registration import volumes
from mmhvae.registration.gauss_newton import secant_update
from mmhvae.registration.rigid import register_rigid

Sampler = Callable[..., sitk.Image]
#: Scene points for moving points: the moving image shows the scene displaced by its inverse.
POSE = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.07, -0.05, 0.09, (4.0, -3.0, 2.0))
OBLIQUE = exp_se3(np.array([0.5, -0.3, 0.8, 0, 0, 0]))[:3, :3]
SIZE = (44, 40, 42)


def sphere(image: sitk.Image, radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> sitk.Image:
    """A uint8 mask on the image's grid: a sphere in LPS mm."""
    index = np.stack(np.meshgrid(*map(np.arange, image.GetSize()[::-1]), indexing="ij"), -1)
    points = index @ volumes.index_to_lps(image)[:3, :3].T + image.GetOrigin()
    mask = sitk.GetImageFromArray((np.linalg.norm(points - np.array(centre), axis=-1) < radius).astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def tre(transform: sitk.Transform, truth: sitk.Transform) -> float:
    """The largest error in mm over points of the field of view."""
    points = np.random.default_rng(0).normal(scale=12, size=(30, 3)).tolist()
    return max(np.linalg.norm(np.subtract(transform.TransformPoint(p), truth.TransformPoint(p))) for p in points)


@pytest.fixture(scope="module")
def fixed(sample: Sampler) -> sitk.Image:
    return sample(SIZE)


@pytest.fixture(scope="module")
def mask(fixed: sitk.Image) -> sitk.Image:
    return sphere(fixed, 19)


@pytest.fixture(scope="module")
def moving(sample: Sampler) -> sitk.Image:
    return sample((66, 64, 62), pose=POSE)


@pytest.mark.parametrize(
    ("size", "spacing", "direction"),
    [
        ((66, 64, 62), (1.0, 1.0, 1.0), np.eye(3)),
        ((70, 70, 70), (0.9, 1.0, 1.1), OBLIQUE),
        ((66, 64, 62), (1.0, 1.0, 1.0), OBLIQUE @ np.diag([1.0, 1.0, -1.0])),
        ((80, 80, 20), (0.9, 0.9, 3.5), np.diag([-1.0, -1.0, 1.0]) @ OBLIQUE),
        ((104, 92, 100), (0.5, 0.55, 0.5), np.diag([-1.0, 1.0, 1.0])),
    ],
    ids=["plain", "oblique", "left-handed", "thick slices", "half a millimetre"],
)
def test_recovers_the_pose_on_any_moving_grid(
    sample: Sampler,
    fixed: sitk.Image,
    mask: sitk.Image,
    size: tuple[int, int, int],
    spacing: tuple,
    direction: np.ndarray,
) -> None:
    moving = sample(size, spacing, direction, pose=POSE, contrast=lambda x: 500 - 80 * x)
    result = register_rigid(fixed, moving, mask)
    assert tre(result.transform, POSE.GetInverse()) < (0.4 if max(spacing) > 2 else 0.15)
    assert result.converged
    assert result.similarity_after > 0.9 > result.similarity_before


@pytest.mark.parametrize("direction", [OBLIQUE, OBLIQUE @ np.diag([-1.0, 1.0, 1.0])], ids=["oblique", "left-handed"])
def test_recovers_the_pose_on_any_fixed_grid(sample: Sampler, moving: sitk.Image, direction: np.ndarray) -> None:
    fixed = sample((60, 46, 24), (0.8, 1.0, 1.9), direction)
    result = register_rigid(fixed, moving, sphere(fixed, 19), signed=True)
    assert tre(result.transform, POSE.GetInverse()) < 0.15


def test_the_transform_is_the_one_that_resampling_wants(
    fixed: sitk.Image, mask: sitk.Image, moving: sitk.Image
) -> None:
    transform = register_rigid(fixed, moving, mask).transform
    inside = sitk.GetArrayFromImage(mask) > 0
    want, start, end = (
        sitk.GetArrayFromImage(image)[inside]
        for image in (
            fixed,
            *(sitk.Resample(moving, fixed, t) for t in (sitk.Transform(3, sitk.sitkIdentity), transform)),
        )
    )
    assert np.corrcoef(want, end)[0, 1] > 0.99 > 0.8 > np.corrcoef(want, start)[0, 1]
    np.testing.assert_allclose(transform.GetCenter(), (0, 0, 0), atol=0.3)


def test_there_and_back(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image) -> None:
    there = register_rigid(fixed, moving, mask).transform
    back = register_rigid(moving, fixed, sphere(moving, 19)).transform
    assert tre(sitk.CompositeTransform([back, there]), sitk.Transform(3, sitk.sitkIdentity)) < 0.2


def test_initial_transform_and_preview(sample: Sampler, fixed: sitk.Image, mask: sitk.Image) -> None:
    far = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.6, -0.5, 0.7, (90.0, -70.0, 50.0))
    moving = sample((66, 64, 62), pose=far.GetInverse(), centre=far.TransformPoint((0.0, 0.0, 0.0)))
    near = sitk.CompositeTransform([far, POSE])
    result = register_rigid(fixed, moving, mask, initial=near, preview=True)
    assert tre(near, far) > 4
    assert tre(result.transform, far) < 0.4


def test_partial_overlap_and_masks_on_other_grids(sample: Sampler, fixed: sitk.Image, mask: sitk.Image) -> None:
    def half_black(values: np.ndarray) -> np.ndarray:
        values = values + 5
        values[:26] = 0  # the moving image ends inside the field of view, as resampled images do
        return values

    moving = sample((66, 64, 62), pose=POSE, contrast=half_black)
    assert tre(register_rigid(fixed, moving, mask).transform, POSE.GetInverse()) < 0.2
    wide = sphere(sample((40, 40, 40), (1.5, 1.5, 1.5), OBLIQUE), 19)
    given = sitk.Cast(moving > 0, sitk.sitkUInt8)[2:, 1:, 3:]
    assert tre(register_rigid(fixed, moving, wide, given).transform, POSE.GetInverse()) < 0.2


def test_default_mask_and_integer_images(sample: Sampler, moving: sitk.Image) -> None:
    pytest.importorskip("mmhvae.images.volumes")
    shown = sample(SIZE, contrast=lambda x: 100 + 20 * x)
    fixed = sitk.Cast(sitk.Mask(shown, sphere(shown, 19)), sitk.sitkUInt8)
    result = register_rigid(fixed, sitk.Cast(1000 + 300 * moving, sitk.sitkInt16))
    assert tre(result.transform, POSE.GetInverse()) < 0.2


def test_the_same_input_gives_the_same_result(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image) -> None:
    first, second = (register_rigid(fixed, moving, mask, preview=True) for _ in range(2))
    np.testing.assert_allclose(to_matrix(first.transform), to_matrix(second.transform), atol=1e-6)
    rotation = to_matrix(first.transform)[:3, :3]
    np.testing.assert_allclose(nearest_rotation(rotation), rotation, atol=1e-12)


def test_progress_rises_and_cancel_passes_through(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image) -> None:
    seen: list[float] = []

    def listen(fraction: float, message: str) -> None:
        assert message
        seen.append(fraction)

    register_rigid(fixed, moving, mask, progress=listen)
    assert len(seen) > 6
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)

    def cancel(fraction: float, message: str) -> None:
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        register_rigid(fixed, moving, mask, progress=cancel)


def with_value(image: sitk.Image, value: float, slice_: int = 20) -> sitk.Image:
    spoilt = sitk.Image(image)
    spoilt[20, 20, slice_] = value
    return spoilt


def bad_inputs(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image) -> dict[str, tuple[dict[str, object], str]]:
    flat = sitk.Image(fixed.GetSize(), sitk.sitkFloat32) + 1e4
    flat.CopyInformation(fixed)
    away = sitk.TranslationTransform(3, (500.0, 0.0, 0.0))
    barely = sitk.TranslationTransform(3, (48.0, 0.0, 0.0))
    return {
        "empty mask": ({"fixed_mask": mask * 0}, "0 voxels"),
        "tiny mask": ({"fixed_mask": sphere(fixed, 4)}, "larger one"),
        "2-D": ({"fixed": fixed[:, :, 5]}, "not a volume"),
        "one slice": ({"moving": moving[:, :, 5:6]}, "not a volume"),
        "2-D mask": ({"fixed_mask": mask[:, :, 5]}, "not a volume"),
        "vector": ({"moving": sitk.Compose(moving, moving)}, "several values"),
        "NaN": ({"fixed": with_value(fixed, float("nan"))}, "NaN"),
        "infinite": ({"moving": with_value(moving, float("inf"))}, "infinite"),
        "both infinities": ({"moving": with_value(with_value(moving, float("inf")), float("-inf"), 21)}, "infinite"),
        "huge": ({"moving": moving * 1e25}, "too large"),
        "constant": ({"fixed": flat}, "constant"),
        "constant moving": ({"moving": moving * 0 + 7}, "constant"),
        "all zero moving": ({"moving": moving * 0}, "overlaps"),
        "empty moving mask": ({"moving_mask": sitk.Cast(moving * 0, sitk.sitkUInt8)}, "overlaps"),
        "away": ({"initial": away}, "overlaps"),
        "barely": ({"initial": barely}, "overlaps"),
        "scaling": ({"initial": sitk.ScaleTransform(3, (1.0, 1.0, 1.1))}, "scales"),
        "device": ({"device": "abacus"}, "abacus"),
    }


NAMES = (
    "empty mask,tiny mask,2-D,one slice,2-D mask,vector,NaN,infinite,both infinities,huge,constant,constant moving,"
    "all zero moving,empty moving mask,away,barely,scaling,device"
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES.split(","))
def test_bad_input_is_one_sentence(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image, name: str) -> None:
    changes, match = bad_inputs(fixed, moving, mask)[name]
    with pytest.raises(InputError, match=match) as caught:
        register_rigid(**{"fixed": fixed, "moving": moving, "fixed_mask": mask} | changes)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_secant_update_explains_the_step_and_stays_positive() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 6, 6))
    hessians, steps = roots @ roots.mT + np.eye(6), rng.normal(size=(2, 6))
    true = 0.4 * hessians[0]
    changes = np.stack([true @ steps[0], -steps[1]])  # the second sees negative curvature
    updated = secant_update(hessians, steps, changes)
    np.testing.assert_allclose(updated[0] @ steps[0], changes[0])
    np.testing.assert_allclose(updated[0], true)
    np.testing.assert_array_equal(updated[1], hessians[1])
    assert np.linalg.eigvalsh(updated).min() > 0

"""Reconstruction against an independent splat, against a known volume, and against PLUS's own on real frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import mmhvae
import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.grid import gap_radius
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import read_sweep

PLUS = Path(__file__).parents[4] / "shared" / "data" / "plus"
needs_plus = pytest.mark.skipif(not PLUS.is_dir(), reason=f"the real sweep is not here: {PLUS}")
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS <-> LPS


def sweep_of(array: np.ndarray, poses: np.ndarray, valid: np.ndarray | None = None) -> Sweep:
    number = len(array)
    return Sweep(ArrayFrames(array), poses, np.ones(number, bool) if valid is None else valid, np.arange(number) / 20)


def rotation(generator: np.random.Generator, most: float = np.pi) -> np.ndarray:
    axis = generator.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle, k = generator.uniform(-most, most), np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def passing(number: int, step: float = 0.5, pixel: tuple[float, float] = (0.3, 0.4), seed: int = 0) -> np.ndarray:
    """Poses of a probe that moves ``step`` mm a frame across its image plane, oblique to Reference."""
    generator, poses = np.random.default_rng(seed), np.tile(np.eye(4), (number, 1, 1))
    turned = rotation(generator)
    for n in range(number):
        wobbled = turned @ rotation(generator, 0.03)
        poses[n, :3, :2] = wobbled[:, :2] * pixel
        poses[n, :3, 2] = wobbled[:, 2]
        poses[n, :3, 3] = generator.uniform(-0.05, 0.05, 3) + turned[:, 2] * step * n + [10, -20, 30]
    return poses


def speckled(number: int, height: int = 20, width: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 256, (number, height, width)).astype(np.uint8)


def arrays(result) -> tuple[np.ndarray, np.ndarray]:
    return sitk.GetArrayFromImage(result.volume), sitk.GetArrayFromImage(result.field_of_view)


def naive_splat(sweep: Sweep, grid: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums pixel by pixel, by SimpleITK's own geometry: (k, j, i) values and weights."""
    size = grid.GetSize()
    sums, weights = np.zeros(size[::-1]), np.zeros(size[::-1])
    for frame, pose in zip(sweep.frames, sweep.image_to_reference, strict=True):
        for (row, column), value in np.ndenumerate(frame):
            point = (FLIP @ pose @ [column, row, 0, 1])[:3]
            index = np.array(grid.TransformPhysicalPointToContinuousIndex(point.tolist()))
            for corner in product((0, 1), repeat=3):
                voxel = np.floor(index).astype(int) + corner
                if (voxel >= 0).all() and (voxel < size).all():
                    weight = np.prod(1 - np.abs(index - voxel))
                    sums[tuple(voxel[::-1])] += weight * value
                    weights[tuple(voxel[::-1])] += weight
    return sums / np.maximum(weights, 1e-12), weights


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_naive_splat(oblique, seed):
    sweep = sweep_of(speckled(4, 9, 11, seed), passing(4, 0.7, (0.8, 0.5), seed))
    grid = oblique(seed, (20, 22, 18))
    centre = grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in grid.GetSize()])
    middle = FLIP @ sweep.image_to_reference[2] @ [5, 4, 0, 1]
    grid.SetOrigin((np.array(grid.GetOrigin()) + middle[:3] - centre).tolist())  # part of the sweep hangs out of some
    expected, weights = naive_splat(sweep, grid)
    got, field = arrays(reconstruct(sweep, grid=grid, fill_holes=False))
    sure = weights > 1e-3
    assert sure.sum() > 50
    assert np.abs(got[sure] - expected[sure]).max() <= 0.51
    assert (got[weights == 0] == 0).all()
    assert field[sure].all()


@dataclass(frozen=True)
class Phantom:
    """A smooth volume given by a formula of Reference RAS, 40 mm across."""

    centre: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points - self.centre, -1, 0)
        return 128 + 50 * np.sin(0.5 * x + 0.2 * z) * np.cos(0.4 * y) + 50 * np.cos(0.55 * z - 0.3 * x)

    def image(self) -> sitk.Image:
        """On a fine grid in LPS, for SimpleITK to cut frames from."""
        spacing, size = 0.25, 160
        image = sitk.Image([size] * 3, sitk.sitkFloat32)
        image.SetSpacing([spacing] * 3)
        image.SetOrigin((FLIP[:3, :3] @ self.centre - spacing * size / 2).tolist())
        i, j, k = np.meshgrid(*[np.arange(size)] * 3, indexing="ij")
        lps = np.stack([i, j, k], -1) * spacing + np.array(image.GetOrigin())
        return image_on(self.at(lps @ FLIP[:3, :3]).astype(np.float32).transpose(2, 1, 0), image)


def cut(volume: sitk.Image, pose: np.ndarray, height: int, width: int) -> np.ndarray:
    """The frame (H, W) at ``pose``, as SimpleITK resamples it."""
    lps = FLIP @ pose
    spacing = np.linalg.norm(lps[:3, :2], axis=0)
    x, y = (lps[:3, :2] / spacing).T
    direction = np.stack([x, y, np.cross(x, y)], axis=1)
    frame = sitk.Resample(
        volume, [width, height, 1], sitk.Transform(), sitk.sitkLinear, lps[:3, 3].tolist(), [*spacing, 1.0],
        direction.ravel().tolist(), 0.0, sitk.sitkFloat32,
    )  # fmt: skip
    return np.rint(sitk.GetArrayFromImage(frame)[0]).astype(np.uint8)


@pytest.mark.parametrize(("seed", "pixel"), [(1, (0.09, 0.14)), (2, (0.3, 0.2)), (3, (0.15, 0.4))])
def test_gives_back_the_volume_that_frames_were_cut_from(seed, pixel):
    height, width = int(16 / pixel[1]), int(18 / pixel[0])
    poses = passing(50, 0.3, pixel, seed)
    middle = (poses[:, :3] @ [width / 2, height / 2, 0, 1]).mean(axis=0)
    phantom = Phantom(middle)
    volume = phantom.image()
    order = np.random.default_rng(seed).permutation(len(poses))  # poses out of order make no difference
    frames = np.stack([cut(volume, pose, height, width) for pose in poses])
    result = reconstruct(sweep_of(frames[order], poses[order]), 0.5)
    got, _ = arrays(result)
    ordered = sitk.GetArrayFromImage(reconstruct(sweep_of(frames, poses), 0.5).volume)
    assert np.abs(ordered.astype(int) - got).max() <= 1
    inner = sitk.GetArrayFromImage(sitk.BinaryErode(result.field_of_view, [4] * 3)) != 0
    assert inner.sum() > 2000
    k, j, i = np.nonzero(inner)
    centres = np.array([result.volume.TransformIndexToPhysicalPoint(v) for v in np.stack([i, j, k], 1).tolist()])
    ras, values = centres @ FLIP[:3, :3], got[inner].astype(float)
    errors = np.abs(values - phantom.at(ras))
    assert errors.mean() < 1.5
    assert np.percentile(errors, 99) < 8
    assert errors.max() < 22  # the steepest slope, 45 grey levels a mm, over one voxel: where a frame but grazes it
    steps = np.linspace(-0.2, 0.2, 17)  # mm
    for axis in range(3):
        moved = [np.corrcoef(values, phantom.at(ras + step * np.eye(3)[axis]))[0, 1] for step in steps]
        assert abs(steps[int(np.argmax(moved))]) < 0.05  # a tenth of a voxel


def test_the_grid_encloses_the_frames_along_the_axes_of_reference():
    poses = passing(12)
    result = reconstruct(sweep_of(speckled(12), poses), 0.4)
    assert result.volume.GetSpacing() == (0.4, 0.4, 0.4)
    assert result.volume.GetDirection() == (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    corners = np.array([[c, r, 0, 1] for c in (0, 23) for r in (0, 19)]).T
    points = (FLIP @ poses @ corners)[:, :3].transpose(0, 2, 1).reshape(-1, 3)
    indices = np.array([result.volume.TransformPhysicalPointToContinuousIndex(p) for p in points.tolist()])
    assert np.allclose(indices.min(axis=0), 0, atol=1e-6)
    beyond = np.array(result.volume.GetSize()) - 1 - indices.max(axis=0)
    assert ((beyond > -1e-6) & (beyond < 1)).all()
    assert (result.frames_used, result.frames_dropped, result.why_dropped) == (12, 0, "")
    assert result.volume.GetPixelID() == result.field_of_view.GetPixelID() == sitk.sitkUInt8
    assert same_grid(result.volume, result.field_of_view)


def flat_passes(values: list[int]) -> Sweep:
    """Uniform frames over the same 12 planes, one pass a value."""
    poses = np.tile(np.diag([0.4, 0.4, 1, 1]), (12 * len(values), 1, 1))
    poses[:, 2, 3] = np.tile(0.5 * np.arange(12), len(values))
    return sweep_of(np.repeat(values, 12).astype(np.uint8)[:, None, None] * np.ones((1, 20, 20), np.uint8), poses)


@pytest.mark.parametrize(("compounding", "expected"), [("mean", 100), ("max", 200), ("latest", 70)])
def test_compounding(compounding, expected):
    got, field = arrays(reconstruct(flat_passes([30, 200, 70]), compounding=compounding))
    assert set(np.unique(got[field != 0])) == {expected}


def test_holes_are_filled_from_both_sides_and_wide_gaps_are_not():
    frames, poses = speckled(26), passing(26, 1.7, (0.3, 0.3))
    poses[13:, :3, 3] += 12 * poses[0, :3, 2]  # as if the probe had been lifted
    sweep = sweep_of(frames, poses)
    bare, field = arrays(reconstruct(sweep, 0.5, fill_holes=False))
    filled, same = arrays(reconstruct(sweep, 0.5, fill_holes=True))
    assert (field == same).all()
    assert (bare[field == 1] == 0).mean() > 0.05
    assert (filled[field == 1] > 0).all()
    assert (filled[field == 0] == 0).all()
    assert (filled[bare > 0] == bare[bare > 0]).all()
    result = reconstruct(sweep, 0.5)
    points = (FLIP @ poses[12:14] @ [12, 10, 0, 1])[:, :3]
    middle = result.volume.TransformPhysicalPointToIndex(points.mean(axis=0).tolist())
    assert result.field_of_view[middle] == 0
    assert gap_radius(result.volume) < 12 / 2


@pytest.mark.parametrize("seed", range(6))
def test_frames_right_on_planes_of_voxels_leave_no_dark_planes_between_them(seed):
    turned = rotation(np.random.default_rng(seed))
    poses = np.tile(np.eye(4), (12, 1, 1))
    poses[:, :3, :3] = turned
    poses[:, :3, 3] = np.outer(np.arange(12), turned[:, 2])  # 1 mm apart
    sweep = sweep_of(np.full((12, 22, 22), 200, np.uint8), poses)
    grid = sitk.Image([40, 40, 23], sitk.sitkUInt8)
    grid.SetSpacing([0.5] * 3)
    grid.SetDirection((np.diag([-1, -1, 1]) @ turned).ravel().tolist())
    values, field = arrays(reconstruct(sweep, grid=grid, fill_holes=True))
    assert (values[field == 1] == 200).all()
    assert field[2:-2, 5:-5, 5:-5].all()


def test_black_inside_the_field_of_view_is_told_from_what_was_not_seen():
    frames = speckled(10)
    frames[:, 5:15, 5:15] = 0
    values, field = arrays(reconstruct(sweep_of(frames, passing(10)), fill_holes=True))
    assert (values[field == 1] >= 1).all()
    assert (values == 1).any()
    assert (values[field == 0] == 0).all()


def test_the_field_of_view_keeps_dark_fluid_and_leaves_out_the_black_corners():
    row, column = np.mgrid[:60, :64]
    sector = np.abs(column - 31.5) < 8 + 0.5 * row
    cyst = np.hypot(row - 30, column - 31) < 9
    frames = (speckled(30, 60, 64) * (sector & ~cyst)).astype(np.uint8)
    poses = passing(30, 0.5, (0.3, 0.3))
    result = reconstruct(sweep_of(frames, poses))

    def inside(column: float, row: float) -> int:
        point = (FLIP @ poses[15] @ [column, row, 0, 1])[:3]
        return result.field_of_view[result.field_of_view.TransformPhysicalPointToIndex(point.tolist())]

    assert [inside(31, 30), inside(31, 35), inside(31, 2)] == [1, 1, 1]
    assert [inside(2, 2), inside(61, 2)] == [0, 0]
    volume, field = arrays(result)
    assert (volume[field == 0] == 0).all()


def test_the_clip_rectangle_counts_from_the_first_pixel():
    frames, poses = speckled(10), passing(10)
    clipped = reconstruct(sweep_of(frames, poses), clip=(5, 3, 12, 15))
    moved = poses.copy()
    moved[:, :3, 3] = poses[:, :3] @ [5, 3, 0, 1]
    expected = reconstruct(sweep_of(np.ascontiguousarray(frames[:, 3:18, 5:17]), moved))
    assert same_grid(clipped.volume, expected.volume)
    assert (arrays(clipped)[0] == arrays(expected)[0]).all()


def test_sheared_and_left_handed_poses_are_placed_as_they_say():
    poses = passing(6, 0.4)
    poses[:, :3, 1] += 0.4 * poses[:, :3, 0]  # sheared
    poses[:, :3, 0] *= -1  # left-handed
    sweep = sweep_of(speckled(6), poses)
    result = reconstruct(sweep, 0.5)
    expected, weights = naive_splat(sweep, result.volume)
    sure = weights > 1e-3
    assert np.abs(arrays(result)[0][sure] - expected[sure]).max() <= 0.51


# Frames that are dropped, and sweeps that are refused


def spoilt(position: tuple[int, ...], value: float) -> np.ndarray:
    poses = passing(10)
    poses[(slice(None) if position[0] == -1 else position[0], *position[1:])] = value
    return poses


def test_frames_that_cannot_be_placed_are_dropped_and_counted():
    poses, valid = passing(12), np.ones(12, bool)
    valid[[2, 5]] = False
    poses[5] = np.nan  # invalid already: counted once
    poses[7, 1, 3] = np.nan
    poses[9, :3, 0] = 0
    sweep = sweep_of(speckled(12), poses, valid)
    result = reconstruct(sweep)
    assert (result.frames_used, result.frames_dropped) == (8, 4)
    for words in ("2 without valid tracking", "1 with NaN", "1 with an impossible pose"):
        assert words in result.why_dropped
    good = [n for n in range(12) if n not in (2, 5, 7, 9)]
    expected = reconstruct(sweep_of(sweep.frames.array[good], poses[good]))
    assert (arrays(result)[0] == arrays(expected)[0]).all()


def far_grid() -> sitk.Image:
    grid = sitk.Image(10, 10, 10, sitk.sitkUInt8)
    grid.SetOrigin((500, 500, 500))
    return grid


TEN = speckled(10)
REFUSED = {
    "no tracking": (sweep_of(TEN, passing(10), np.zeros(10, bool)), {}, r"No frame can be placed \(10 without valid"),
    "all NaN": (sweep_of(TEN, np.full((10, 4, 4), np.nan)), {}, "10 with NaN"),
    "pixels of 100 mm": (sweep_of(TEN, spoilt((-1, 0, 0), 100.0)), {}, "10 with an impossible pose"),
    "not affine": (sweep_of(TEN, spoilt((-1, 3, 0), 0.1)), {}, "10 with an impossible pose"),
    "no frames": (sweep_of(TEN[:0], np.zeros((0, 4, 4))), {}, "No frame can be placed;"),
    "one frame": (sweep_of(TEN[:1], passing(1)), {}, "lie in one plane"),
    "equal poses": (sweep_of(TEN, passing(1).repeat(10, axis=0)), {}, "lie in one plane"),
    "one far off": (sweep_of(TEN, spoilt((4, 0, 3), 3000.0)), {}, r"spread over \d{4} mm"),
    "a jump": (sweep_of(TEN, spoilt((4, 0, 3), 400.0)), {}, r"jumps by \d{3} mm between the frames 3 and 4"),
    "black": (sweep_of(0 * TEN, passing(10)), {}, "black"),
    "spacing 0": (sweep_of(TEN, passing(10)), {"spacing": 0.0}, "spacing is 0;"),
    "spacing -1": (sweep_of(TEN, passing(10)), {"spacing": -1.0}, "spacing is -1;"),
    "spacing NaN": (sweep_of(TEN, passing(10)), {"spacing": float("nan")}, "spacing is nan;"),
    "spacing infinite": (sweep_of(TEN, passing(10)), {"spacing": float("inf")}, "spacing is inf;"),
    "spacing huge": (sweep_of(TEN, passing(10)), {"spacing": 40.0}, "more than a voxel"),
    "too many voxels": (sweep_of(TEN, passing(10, 10.0)), {"spacing": 0.025}, r"million voxels; choose 0\.\d+ mm"),
    "clip outside": (sweep_of(TEN, passing(10)), {"clip": (20, 0, 5, 20)}, "within the frames of 24 x 20"),
    "clip negative": (sweep_of(TEN, passing(10)), {"clip": (-1, 0, 5, 5)}, "within the frames"),
    "clip empty": (sweep_of(TEN, passing(10)), {"clip": (0, 0, 0, 5)}, "at least 2 x 2"),
    "grid elsewhere": (sweep_of(TEN, passing(10)), {"grid": far_grid()}, "does not meet the sweep"),
    "grid flat": (sweep_of(TEN, passing(10)), {"grid": sitk.Image(9, 9, sitk.sitkUInt8)}, "not a volume"),
    "compounding": (
        sweep_of(TEN, passing(10)),
        {"compounding": "median"},
        "compounding is median; give mean, max",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence(case):
    sweep, options, words = REFUSED[case]
    with pytest.raises(mmhvae.InputError, match=words) as refusal:
        reconstruct(sweep, **options)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


@dataclass(frozen=True)
class Streamed:
    """Frames drawn one by one."""

    number: int
    shape: tuple[int, int] = (6, 8)

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[np.ndarray]:
        return (np.full(self.shape, 1 + n % 255, np.uint8) for n in range(self.number))


def test_thousands_of_frames_are_streamed():
    number = 3000
    result = reconstruct(Sweep(Streamed(number), passing(number, 0.001), np.ones(number, bool), np.zeros(number)))
    assert result.frames_used == number
    assert arrays(result)[0].max() > 0


def test_progress_rises_to_one_and_cancels():
    seen: list[float] = []
    sweep = sweep_of(TEN, passing(10))
    reconstruct(sweep, fill_holes=True, progress=lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) >= 2 * len(TEN)

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.5:
            raise mmhvae.Cancelled

    with pytest.raises(mmhvae.Cancelled):
        reconstruct(sweep, progress=stop)


# Real frames


@needs_plus
def test_reproduces_the_reconstruction_of_plus():
    """PLUS rounds each voxel's running mean to 8 bits at every pixel and lets its weights saturate, which costs it some
    grey levels; with that imitated, correlation is above 0.9999 (checked once, outside this test)."""
    rows = "-0.0094 -0.0739 -0.0028 -103.5322 0.0774 -0.0076 -0.0049 -43.1227 0.0046 -0.0032 0.0760 -93.3 0 0 0 1"
    calibration = np.array(rows.split(), float).reshape(4, 4)
    theirs = sitk.ReadImage(str(PLUS / "NwirePhantomFreehandReconstructed.mha"))
    theirs.SetOrigin((22.2573, 137.793, -58.5829))  # Reference is RAS, ITK's files are LPS
    theirs.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sweep = read_sweep(PLUS / "NwirePhantomFreehand.igs.mha", calibration)
    result = reconstruct(sweep, grid=theirs, clip=(167, 62, 495, 488))
    assert result.frames_used == 97
    ours = sitk.Cast(result.volume, sitk.sitkFloat32)
    expected = sitk.GetArrayFromImage(theirs).astype(float)

    def correlation(shift: tuple[float, ...]) -> float:
        moved = sitk.Resample(ours, ours, sitk.TranslationTransform(3, shift), sitk.sitkLinear, 0.0)
        values = sitk.GetArrayFromImage(moved)
        both = (values > 0) & (expected > 0)
        return float(np.corrcoef(values[both], expected[both])[0, 1])

    assert correlation((0.0, 0.0, 0.0)) >= 0.98
    steps = np.arange(-3, 4) / 16  # mm; an eighth of a voxel
    for axis in range(3):
        found = [correlation(tuple(step * np.eye(3)[axis])) for step in steps]
        assert abs(steps[int(np.argmax(found))]) <= 0.125  # a quarter of a voxel
    automatic = reconstruct(sweep, clip=(167, 62, 495, 488)).volume
    assert np.abs(np.subtract(automatic.GetOrigin(), theirs.GetOrigin())).max() < 0.1  # PLUS's clip is a pixel larger

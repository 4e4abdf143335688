"""A reference that a reader takes in at a glance: squared local correlation in plain torch, up a ladder of levels.

It shares no line with the core. At each level the fixed image and the warped moving one are correlated in every window
of the field of view; the mean of the squares climbs by L-BFGS over rotation and translation about the field's centre,
with gradients by automatic differentiation. The coarsest level starts from the given pose and from some around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from registration_cases import Case
from torch import Tensor

LEVELS_MM = (4.0, 3.0, 2.0, 1.0)
RADII = (2, 2, 3, 4)  # of the windows, voxels of the level
STEPS = (12, 8, 8, 6)  # of L-BFGS
NEARBY_MM = 8.0  # translations of the coarsest level's other starts
NEARBY = 3  # translations an axis, the start among them
KEPT = 2  # starts that go on to the next level
ARM_MM = 40.0  # a radian of rotation counts as so many mm
FLOOR = 1e-3  # of a window's variance, images of variance 1
SUPPORT = 0.3  # share of a window that must lie in the field of view


@dataclass(frozen=True)
class Level:
    """Both images at one resolution: fixed (D, H, W) with its mask and points, and how points become samples."""

    fixed: Tensor
    mask: Tensor
    points: Tensor  # (D, H, W, 3), mm about the field's centre
    moving: Tensor
    to_samples: Tensor  # 4 x 4: moving RAS mm -> grid_sample's coordinates
    radius: int


def reference(case: Case) -> NDArray[np.float64]:
    """The 4 x 4 matrix from fixed to moving RAS points."""
    centre = case.pts.mean(0)
    steps = range(-(NEARBY // 2), NEARBY // 2 + 1)
    around = [np.zeros(3), *(NEARBY_MM * np.array(step) for step in product(steps, repeat=3) if any(step))]
    poses = [torch.tensor([0, 0, 0, *shift / ARM_MM], dtype=torch.float32) for shift in around]
    for mm, radius, most in zip(LEVELS_MM, RADII, STEPS, strict=False):
        level = level_of(case, centre, mm, radius)
        if len(poses) > KEPT:  # a glance at all, then the start itself and the best
            poses = [poses[0], *sorted(poses[1:], key=lambda pose: -float(similarity(level, pose, centre)))[:KEPT]]
        climbed = [climb(level, pose, centre, most) for pose in poses]
        poses = [pose for pose, _ in sorted(climbed, key=lambda found: -found[1])][: KEPT if mm > 2 else 1]
    matrix = pose_matrix(poses[0], centre).double().numpy()
    back = np.eye(4)
    back[:3, 3] = -centre
    return matrix @ back


def level_of(case: Case, centre: NDArray[np.float64], mm: float, radius: int) -> Level:
    """Smoothed and thinned copies of both images."""
    fixed_step = thinning(case.fixed_affine, mm)
    moving_step = thinning(case.moving_affine, min(mm, 3.0))
    weight = torch.from_numpy(case.fixed_mask.astype(np.float32))
    smooth = smoothed(torch.from_numpy(case.fixed) * weight, mm / 2, case.fixed_affine)
    fixed = thinned(smooth / smoothed(weight, mm / 2, case.fixed_affine).clamp(min=1e-3), fixed_step)
    mask = thinned(weight, fixed_step)
    inside = fixed[mask > 0]
    fixed = (fixed - inside.mean()) / inside.std() * mask
    moving = thinned(smoothed(torch.from_numpy(case.moving), mm / 2, case.moving_affine), moving_step)
    affine = torch.tensor(case.fixed_affine @ np.diag([*fixed_step, 1]), dtype=torch.float32)
    index = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in fixed.shape), indexing="ij"), -1)
    points = index @ affine[:3, :3].T + affine[:3, 3] - torch.tensor(centre, dtype=torch.float32)
    unit = np.diag([*(2 / (n - 1) for n in moving.shape), 1.0])
    unit[:3, 3] = -1
    to_samples = unit @ np.linalg.inv(case.moving_affine @ np.diag([*moving_step, 1]))
    moving = (moving - moving.mean()) / moving.std()
    return Level(fixed, mask, points, moving, torch.tensor(to_samples, dtype=torch.float32), radius)


def thinning(affine: NDArray[np.float64], mm: float) -> list[int]:
    """Every how many voxels make steps of about ``mm``."""
    return [max(1, round(mm / length)) for length in np.linalg.norm(affine[:3, :3], axis=0)]


def thinned(image: Tensor, step: list[int]) -> Tensor:
    return image[:: step[0], :: step[1], :: step[2]].contiguous()


def smoothed(image: Tensor, mm: float, affine: NDArray[np.float64]) -> Tensor:
    """Gaussian smoothing, axis by axis."""
    for axis, length in enumerate(np.linalg.norm(affine[:3, :3], axis=0)):
        sigma = mm / length
        reach = int(np.ceil(2.5 * sigma))
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
        lines = image.movedim(axis, -1)
        line = F.conv1d(lines.reshape(-1, 1, lines.shape[-1]), (kernel / kernel.sum())[None, None], padding=reach)
        image = line.reshape(lines.shape).movedim(-1, axis)
    return image


def pose_matrix(pose: Tensor, centre: NDArray[np.float64]) -> Tensor:
    """Six numbers, rotation vector and translation over ``ARM_MM`` -> 4 x 4 from points about the centre to RAS."""
    zero = pose.new_zeros(())
    x, y, z = pose[:3]
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    shift = ARM_MM * pose[3:] + torch.tensor(centre, dtype=pose.dtype)
    top = torch.cat([torch.linalg.matrix_exp(skew), shift[:, None]], 1)
    return torch.cat([top, pose.new_tensor([[0.0, 0.0, 0.0, 1.0]])])


def similarity(level: Level, pose: Tensor, centre: NDArray[np.float64]) -> Tensor:
    """Mean over the field of view of the squared correlation in each window, from 0 to 1."""
    matrix = level.to_samples @ pose_matrix(pose, centre)
    samples = (level.points @ matrix[:3, :3].T + matrix[:3, 3]).flip(-1)
    warped = F.grid_sample(level.moving[None, None], samples[None], align_corners=True)[0, 0]
    a, b, w = level.fixed, warped, level.mask
    means = windowed(torch.stack([w, w * a, w * b, w * a * a, w * b * b, w * a * b]), level.radius)
    support = means[0].clamp(min=1e-6)
    mean_a, mean_b, aa, bb, ab = means[1:] / support
    variances = ((aa - mean_a**2).clamp(min=0) + FLOOR) * ((bb - mean_b**2).clamp(min=0) + FLOOR)
    counts = (w > 0) & (means[0] > SUPPORT)
    return ((ab - mean_a * mean_b) ** 2 / variances)[counts].mean()


def windowed(images: Tensor, radius: int) -> Tensor:
    """Means over cubes, axis by axis; images (N, D, H, W)."""
    for axis in range(3):
        size, padding = [1, 1, 1], [0, 0, 0]
        size[axis], padding[axis] = 2 * radius + 1, radius
        images = F.avg_pool3d(images, size, stride=1, padding=padding)
    return images


def climb(level: Level, pose: Tensor, centre: NDArray[np.float64], steps: int) -> tuple[Tensor, float]:
    """The pose after some steps of L-BFGS, and its similarity; never a worse one than before."""
    begun = float(similarity(level, pose, centre))
    moving = pose.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([moving], max_iter=steps, line_search_fn="strong_wolfe", tolerance_change=1e-6)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = -similarity(level, moving, centre)
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        found = float(similarity(level, moving, centre))
    return (moving.detach(), found) if found > begun else (pose, begun)

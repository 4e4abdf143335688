"""Masked local normalised cross-correlation of two volumes, and its derivatives by the pose.

The similarity of a pose T is the mean over windows w of the fixed volume's field of view of the correlation

    rho_w = cov_w / sqrt(var_w(F) var_w(M))

between the fixed volume F and the moving volume M(T x): rho_w itself where both have the same contrast (`signed`),
rho_w^2 where the contrast is unknown or inverted (Cachier and Pennec, 2000; Avants et al., 2008). All moments are
taken over the voxels of the window that lie inside both masks, and windows with too few of them are left out, so that
a partial overlap pulls nowhere. Where hardly any window is left the missing ones count as 0: leaving does not pay.

Windows are unions of small blocks of voxels, centred on every block: with blocks of one voxel this is the usual local
correlation; with blocks of 2 x 2 x 2, every second window a direction is taken at an eighth of the cost. Window sums
are running sums over the grid of blocks, so their cost does not grow with the window.

Notation in shapes: B poses, b blocks of v voxels inside the field of view, n = b v, P points sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .transforms import Matrix
from .volumes import Volume

#: The least share of a window's voxels that must lie inside both masks.
MINIMUM_SUPPORT = 0.3

#: The mean is taken over at least this share of the windows that the fixed mask supports.
MINIMUM_COVERAGE = 0.25

#: Added to the variances (the volumes have unit variance): windows without structure do not correlate by noise.
VARIANCE_FLOOR = 1e-3

#: Points worked on at once on a CPU: enough to keep threads busy, few enough to bound the memory for temporaries.
CPU_POINTS = 2**18
#: The same on a GPU, which wants many.
GPU_POINTS = 2**22

#: A moving sample counts where (nearly) all of its eight neighbours lie inside the moving mask.
INSIDE = 0.95


def box_sum(values: Tensor, radii: tuple[int, int, int]) -> Tensor:
    """Sums over boxes of 2 r + 1 samples along the last three axes, zeros beyond the ends, by running sums."""
    for axis, radius in zip((-3, -2, -1), radii, strict=True):
        size = values.shape[axis]
        padding = [0, 0] * (-1 - axis) + [radius + 1, radius]
        running = F.pad(values, padding).cumsum(axis)
        values = running.narrow(axis, 2 * radius + 1, size) - running.narrow(axis, 0, size)
    return values


def blocks_per_axis(spacing: NDArray[np.float64], block: float) -> tuple[int, int, int]:
    """How many voxels a side make a block of about `block` mm."""
    i, j, k = (max(1, round(block / s)) for s in spacing)
    return i, j, k


def window_radii(sides: NDArray[np.float64], window: float) -> tuple[int, int, int]:
    """Radii in blocks, one at least, of windows about `window` mm wide; `sides` are a block's in mm."""
    i, j, k = (max(1, round((window / side - 1) / 2)) for side in sides)
    return i, j, k


@dataclass(frozen=True)
class Derivatives:
    """A similarity and how it changes along twists xi (rotation in radians, translation in mm): pose -> pose exp(xi).

    Attributes:
        values: (B,).
        gradients: (B, 6).
        hessians: (B, 6, 6), positive semi-definite: Gauss-Newton's approximation of the *negated* Hessian.
    """

    values: NDArray[np.float64]
    gradients: NDArray[np.float64]
    hessians: NDArray[np.float64]


@dataclass(frozen=True)
class _Windows:
    """The moments and correlations of the windows around the blocks, all (B, b)."""

    count: Tensor  # voxels inside both masks, at least 1
    valid: Tensor
    mean_fixed: Tensor
    mean_moving: Tensor
    inverse_moving: Tensor  # 1 / variance
    inverse_both: Tensor  # 1 / sqrt of the product of variances
    correlation: Tensor


class LocalCorrelation:
    """Local correlation of one pair of volumes at one resolution, as a function of the pose.

    A pose is a 4 x 4 matrix that takes LPS points relative to `centre` to the moving volume's LPS points. Volumes are
    expected to be standardised (mean 0, deviation 1 inside their masks) up to smoothing.

    Args:
        fixed: its mask is the field of view.
        moving: samples outside its mask carry no weight.
        centre: (3,) LPS mm; rotations turn about it.
        window: width of the windows in mm.
        block: width of the blocks in mm; 0 for single voxels.
        signed: rho rather than rho squared.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        centre: NDArray[np.float64],
        window: float,
        block: float = 0.0,
        signed: bool = False,
    ) -> None:
        self.signed = signed
        self.device = fixed.weights.device
        self.budget = CPU_POINTS if self.device.type == "cpu" else GPU_POINTS
        self.sides = blocks_per_axis(fixed.spacing, block)
        self.radii = window_radii(fixed.spacing * np.array(self.sides), window)
        self._lay_out_points(fixed, centre)
        self._prepare_moving(moving)
        full = float(np.prod([(2 * r + 1) * s for r, s in zip(self.radii, self.sides, strict=True)]))
        self.least_count = MINIMUM_SUPPORT * full
        # The number of windows that the fixed mask supports.
        support = self._spread(self.weights.sum(-1)[None, None])
        self.windows = float((support > self.least_count).sum().clamp(min=1))

    def _lay_out_points(self, fixed: Volume, centre: NDArray[np.float64]) -> None:
        """Chooses the blocks that touch the mask, and where the moving volume is sampled for them."""
        sides, shape = self.sides, fixed.weights.shape
        self.grid = tuple(-(-size // side) for size, side in zip(shape, sides, strict=True))
        # One voxel around the lattice gives every voxel its six neighbours.
        padding = [p for n, s, g in zip(shape, sides, self.grid, strict=True) for p in (g * s - n + 1, 1)][::-1]
        weights, values = F.pad(fixed.weights, padding), F.pad(fixed.intensities, padding)
        lattice = weights.shape
        steps = (lattice[1] * lattice[2], lattice[2], 1)
        flat = torch.arange(weights.numel(), device=self.device).reshape(lattice)
        blocks = self._blocks(flat)  # (all blocks, v)
        self.occupied = torch.nonzero((weights.flatten()[blocks] > 0).any(1))[:, 0]
        inside = blocks[self.occupied].flatten()  # (n,)
        self.weights = weights.flatten()[inside].reshape(len(self.occupied), -1)  # (b, v)
        self.fixed = values.flatten()[inside].reshape(self.weights.shape) * self.weights
        needed = torch.zeros(weights.numel(), dtype=torch.bool, device=self.device)
        for offset in (0, *steps, *(-s for s in steps)):
            needed[inside + offset] = True
        halo = torch.nonzero(needed)[:, 0]  # (P,), the blocks' voxels and their neighbours
        place = torch.empty_like(flat.flatten())
        place[halo] = torch.arange(len(halo), device=self.device)
        self.inside = place[inside]  # (n,), where the blocks' voxels are among the halo's
        self.neighbours = [(place[inside + s], place[inside - s]) for s in steps]
        to_lps = fixed.matrix.copy()
        to_lps[:3, 3] -= centre
        self.index_gradient = self._tensor(np.linalg.inv(to_lps[:3, :3]))
        self.halo_positions = self._positions(halo, lattice, to_lps)  # (P, 3)
        self.positions = self.halo_positions[self.inside]  # (n, 3)

    def _blocks(self, flat: Tensor) -> Tensor:
        """(all blocks, v): the lattice without its margin, cut into blocks."""
        core = flat[1:-1, 1:-1, 1:-1]
        split = [n for g, s in zip(self.grid, self.sides, strict=True) for n in (g, s)]
        return core.reshape(split).permute(0, 2, 4, 1, 3, 5).reshape(int(np.prod(self.grid)), -1)

    def _tensor(self, array: NDArray[np.float64]) -> Tensor:
        return torch.tensor(np.ascontiguousarray(array), dtype=torch.float32, device=self.device)

    def _positions(self, flat: Tensor, lattice: torch.Size, to_lps: Matrix) -> Tensor:
        """LPS mm relative to the centre for flat indices of the padded lattice."""
        rows = flat // lattice[2]
        index = torch.stack([rows // lattice[1] - 1, rows % lattice[1] - 1, flat % lattice[2] - 1], dim=-1).float()
        return index @ self._tensor(to_lps[:3, :3]).T + self._tensor(to_lps[:3, 3])

    def _prepare_moving(self, moving: Volume) -> None:
        """Stacks intensities and weights for sampling; one voxel around keeps the border's samples whole."""
        intensities = F.pad(moving.intensities[None, None], [1] * 6, mode="replicate")[0]
        self.moving = torch.cat([intensities, F.pad(moving.weights[None], [1] * 6)])[None]  # (1, 2, D + 2, ...)
        size = np.array(self.moving.shape[2:], dtype=np.float64)
        to_grid = np.diag([*(2 / (size - 1)), 1.0])  # array index -> [-1, 1], as grid_sample wants it
        to_grid[:3, 3] = 2 / (size - 1) - 1
        self.lps_to_grid = to_grid @ np.linalg.inv(moving.matrix)

    def _groups(self, poses: Matrix) -> list[Matrix]:
        """The poses in groups that fill the budget of points, one pose at least."""
        most = max(1, self.budget // len(self.inside))
        return [poses[first : first + most] for first in range(0, len(poses), most)]

    def _block_slices(self) -> list[slice]:
        """The blocks in pieces that fill the budget of points."""
        most = max(1, self.budget // self.weights.shape[1])
        return [slice(first, first + most) for first in range(0, len(self.weights), most)]

    def _sample_moving(self, poses: Matrix, positions: Tensor) -> Tensor:
        """(B, 2, P): intensities and weights of the moving volume at (P, 3) positions, seen from the poses."""
        maps = self._tensor((self.lps_to_grid @ poses)[:, 2::-1])  # x, y, z order for grid_sample
        pieces = [self._sample_piece(maps, piece) for piece in positions.split(self.budget)]
        return torch.cat(pieces, 2) if len(pieces) > 1 else pieces[0]

    def _sample_piece(self, maps: Tensor, positions: Tensor) -> Tensor:
        poses = len(maps)
        grid = torch.baddbmm(maps[:, None, :3, 3], positions.expand(poses, -1, -1), maps[:, :, :3].mT)
        # grid_sample works on the items of a batch in parallel, hence a batch for every thread.
        batch = -(-torch.get_num_threads() // poses) if self.device.type == "cpu" else 1
        grid = F.pad(grid, [0, 0, 0, -len(positions) % batch]).reshape(poses * batch, 1, 1, -1, 3)
        volume = self.moving.expand(len(grid), -1, -1, -1, -1)
        values = F.grid_sample(volume, grid, padding_mode="border", align_corners=True)  # (B batch, 2, 1, 1, P')
        values = values.reshape(poses, batch, 2, -1).transpose(1, 2).reshape(poses, 2, -1)
        return values[..., : len(positions)]

    def _spread(self, values: Tensor) -> Tensor:
        """(B, C, b) -> (B, C, b): sums over the window around each block."""
        dense = values.new_zeros(*values.shape[:2], int(np.prod(self.grid)))
        dense[:, :, self.occupied] = values
        return box_sum(dense.unflatten(2, self.grid), self.radii).flatten(2)[:, :, self.occupied]

    def _block_moments(self, samples: Tensor, blocks: slice) -> Tensor:
        """(B, 6, b): per block the sums of w, w F, w F F, w M, w M M and w M F, for (B, 2, b v) moving samples."""
        fixed = self.fixed[blocks]
        weights = self._joint_weights(samples[:, 1], blocks)
        moving = samples[:, 0].reshape(weights.shape)
        wf, wm = weights * fixed, weights * moving
        return torch.stack([p.sum(-1) for p in (weights, wf, wf * fixed, wm, wm * moving, wm * fixed)], 1)

    def _joint_weights(self, inside_moving: Tensor, blocks: slice) -> Tensor:
        """(B, b, v): 1 where a sample lies inside both masks."""
        fixed = self.weights[blocks]
        return (inside_moving > INSIDE).float().reshape(-1, *fixed.shape) * fixed

    def _correlate(self, moments: Tensor) -> _Windows:
        """The windows' correlations from the blocks' moments (B, 6, b)."""
        sums = self._spread(moments)
        count = sums[:, 0].clamp(min=1)
        f, ff, m, mm, fm = (sums[:, 1:] / count[:, None]).unbind(1)
        inverse_fixed = 1 / ((ff - f * f).clamp(min=0) + VARIANCE_FLOOR)
        inverse_moving = 1 / ((mm - m * m).clamp(min=0) + VARIANCE_FLOOR)
        inverse_both = (inverse_fixed * inverse_moving).sqrt()
        valid = (sums[:, 0] > self.least_count).float()
        correlation = (fm - f * m) * inverse_both * valid
        return _Windows(count, valid, f, m, inverse_moving, inverse_both, correlation)

    def _values(self, windows: _Windows) -> NDArray[np.float64]:
        terms = windows.correlation if self.signed else windows.correlation**2
        values: NDArray[np.float64] = (terms.sum(1) / self._supported(windows)).cpu().double().numpy()
        return values

    def _supported(self, windows: _Windows) -> Tensor:
        """(B,): over how many windows the mean is taken."""
        return windows.valid.sum(1).clamp(min=MINIMUM_COVERAGE * self.windows)

    def _windows(self, samples: Tensor) -> _Windows:
        """The windows for (B, 2, n) moving intensities and weights at the blocks' voxels."""
        v = self.weights.shape[1]
        slices = self._block_slices()
        moments = [self._block_moments(samples[:, :, s.start * v : s.stop * v], s) for s in slices]
        return self._correlate(torch.cat(moments, 2))

    def overlap(self, pose: Matrix) -> float:
        """The share of the field of view that lies inside the moving mask."""
        weights = self._sample_moving(pose[None], self.positions)[:, 1]
        return float(self._joint_weights(weights, slice(None)).sum() / self.weights.sum())

    def evaluate(self, poses: Matrix) -> NDArray[np.float64]:
        """(B,) similarities of (B, 4, 4) poses."""
        groups = self._groups(poses)
        return np.concatenate([self._values(self._windows(self._sample_moving(g, self.positions))) for g in groups])

    def differentiate(self, poses: Matrix) -> Derivatives:
        """Similarities of (B, 4, 4) poses with their gradients and Gauss-Newton Hessians.

        The derivative by the warped intensities is exact; theirs by the pose takes central differences of the warped
        volume (smoother than the derivative of a trilinear interpolation). The weights change in jumps, whose
        derivative is left out: exact wherever the same samples stay inside the moving mask.
        """
        parts = [self._differentiate_group(group) for group in self._groups(poses)]
        return Derivatives(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _differentiate_group(self, poses: Matrix) -> tuple[NDArray[np.float64], ...]:
        halo = self._sample_moving(poses, self.halo_positions)  # (B, 2, P)
        samples = halo[:, :, self.inside]
        windows = self._windows(samples)
        coefficients = self._coefficients(windows)
        gradients = halo.new_zeros(len(poses), 6)
        hessians = halo.new_zeros(len(poses), 6, 6)
        for blocks in self._block_slices():
            voxels = slice(blocks.start * self.weights.shape[1], blocks.stop * self.weights.shape[1])
            slopes, curvatures = self._by_intensity(samples[:, :, voxels], coefficients[:, :, blocks], blocks)
            jacobian = self._jacobian(halo[:, 0], voxels)
            gradients += torch.bmm(slopes[:, None], jacobian)[:, 0]
            hessians += torch.bmm((jacobian * curvatures[..., None]).mT, jacobian)
        return self._values(windows), gradients.cpu().double().numpy(), hessians.cpu().double().numpy()

    def _coefficients(self, s: _Windows) -> Tensor:
        """(B, 3, b): sums over the windows that hold a block of a, of a mean F - c mean M, and of c, where

        d rho_w / d M(x) = a (F(x) - mean F) - c (M(x) - mean M) for x in w; for rho^2 both gain a factor 2 rho.
        """
        chain = s.valid if self.signed else 2 * s.correlation
        a = chain * s.inverse_both / s.count
        c = chain * s.correlation * s.inverse_moving / s.count
        sums = self._spread(torch.stack([a, a * s.mean_fixed - c * s.mean_moving, c], 1))
        return sums / self._supported(s)[:, None, None]

    def _by_intensity(self, samples: Tensor, coefficients: Tensor, blocks: slice) -> tuple[Tensor, Tensor]:
        """(B, b v) first and negated second derivatives of the similarity by the warped intensities."""
        a, constant, c = coefficients[..., None].unbind(1)  # (B, b, 1) each
        weights = self._joint_weights(samples[:, 1], blocks)
        slopes = weights * (a * self.fixed[blocks] - constant - c * samples[:, 0].reshape(weights.shape))
        return slopes.flatten(1), (weights * c.abs()).flatten(1)

    def _jacobian(self, halo: Tensor, voxels: slice) -> Tensor:
        """(B, n, 6): derivatives of the warped intensities along rotations about the centre and translations."""
        differences = [halo[:, after[voxels]] - halo[:, before[voxels]] for after, before in self.neighbours]
        gradient = torch.stack(differences, -1) @ (0.5 * self.index_gradient)  # (B, n, 3), per mm in LPS
        turning = torch.linalg.cross(self.positions[voxels].expand_as(gradient), gradient)
        return torch.cat([turning, gradient], -1)

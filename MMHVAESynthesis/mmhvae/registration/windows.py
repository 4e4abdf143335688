"""What local similarities of two volumes share: windows, sampling of the moving volume, derivatives by the pose.

A local similarity is a weighted mean over windows of the fixed volume's field of view. All moments are taken over the
voxels of a window that lie inside both masks, and windows with too few of them are left out, so that a partial overlap
pulls nowhere.

Windows are unions of small blocks of voxels, centred on every block: with blocks of one voxel this is the usual local
similarity; with blocks of 2 x 2 x 2, every second window a direction is taken at an eighth of the cost. Window sums
are taken axis by axis over the grid of blocks; their cost does not grow with the window.

Notation in shapes: B poses, C features of the moving volume, b blocks of v voxels inside the field of view, n = b v,
P points sampled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..images import Matrix
from .volumes import Volume

#: The least share of a window's voxels that must lie inside both masks.
MINIMUM_SUPPORT = 0.3

#: Points worked on at once on a CPU: enough to keep threads busy, few enough to bound the memory for temporaries.
CPU_POINTS = 2**18
#: The same on a GPU, which wants many.
GPU_POINTS = 2**22

#: A moving sample counts where (nearly) all of its eight neighbours lie inside the moving mask.
INSIDE = 0.95


def bands(shape: Sequence[int], radii: tuple[int, int, int], device: torch.device) -> list[Tensor]:
    """For each of three axes of n samples the (n, n) matrix of ones within the radius from the diagonal."""
    indices = [torch.arange(size, device=device) for size in shape]
    return [((i[:, None] - i).abs() <= radius).float() for i, radius in zip(indices, radii, strict=True)]


def box_sum(values: Tensor, bands: Sequence[Tensor]) -> Tensor:
    """Sums over boxes along the last three axes of (B, K, D, H, W), zeros beyond the ends; see :func:`bands`.

    Products with band matrices: at the sizes of ultrasound they are several times as fast as running sums, whose cost
    grows less, and they round less.
    """
    first, second, third = bands
    within_slices = second @ (values @ third)
    return (first @ within_slices.flatten(3)).unflatten(3, values.shape[3:])


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


Moments = TypeVar("Moments")


class WindowedSimilarity(ABC, Generic[Moments]):
    """A local similarity of one pair of volumes at one resolution, as a function of the pose.

    A pose is a 4 x 4 matrix that takes LPS points relative to `centre` to the moving volume's LPS points. Volumes are
    expected to be standardised (mean 0, deviation 1 inside their masks) up to smoothing.

    Args:
        fixed: its mask is the field of view; its certainty, where it has one, weights the windows.
        moving: samples outside its mask carry no weight.
        features: (C, D, H, W) on the moving volume's grid, what the similarity compares with the fixed intensities.
        centre: (3,) LPS mm; rotations turn about it.
        window: width of the windows in mm.
        block: width of the blocks in mm; 0 for single voxels.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        features: Tensor,
        centre: NDArray[np.float64],
        window: float,
        block: float = 0.0,
    ) -> None:
        self.device = fixed.weights.device
        self.budget = CPU_POINTS if self.device.type == "cpu" else GPU_POINTS
        self.sides = blocks_per_axis(fixed.spacing, block)
        self.radii = window_radii(fixed.spacing * np.array(self.sides), window)
        self._lay_out_points(fixed, centre)
        self.bands = bands(self.grid, self.radii, self.device)
        self._prepare_moving(moving, features)
        full = float(np.prod([(2 * r + 1) * s for r, s in zip(self.radii, self.sides, strict=True)]))
        self.least_count = MINIMUM_SUPPORT * full
        support = self._spread(self.weights.sum(-1)[None, None])[0, 0]
        #: (b,) how much each window counts, 0 where the fixed mask supports it too little.
        self.window_weights = (support > self.least_count).float()
        if self.certainty is not None:
            sums = self._spread((self.weights * self.certainty).sum(-1)[None, None])[0, 0]
            self.window_weights *= sums / support.clamp(min=1)

    def _lay_out_points(self, fixed: Volume, centre: NDArray[np.float64]) -> None:
        """Chooses the blocks that touch the mask, and where the moving volume is sampled for them."""
        sides, shape = self.sides, fixed.weights.shape
        self.grid = tuple(-(-size // side) for size, side in zip(shape, sides, strict=True))
        # One voxel around the lattice gives every voxel its six neighbours.
        padding = [p for n, s, g in zip(shape, sides, self.grid, strict=True) for p in (g * s - n + 1, 1)][::-1]
        weights = F.pad(fixed.weights, padding)
        lattice = weights.shape
        steps = (lattice[1] * lattice[2], lattice[2], 1)
        flat = torch.arange(weights.numel(), device=self.device).reshape(lattice)
        blocks = self._blocks(flat)  # (all blocks, v)
        self.occupied = torch.nonzero((weights.flatten()[blocks] > 0).any(1))[:, 0]
        inside = blocks[self.occupied].flatten()  # (n,)
        shape = torch.Size([len(self.occupied), blocks.shape[1]])
        self.weights = weights.flatten()[inside].reshape(shape)  # (b, v)
        self.fixed = F.pad(fixed.intensities, padding).flatten()[inside].reshape(shape) * self.weights
        self.certainty = (
            None if fixed.certainty is None else F.pad(fixed.certainty, padding).flatten()[inside].reshape(shape)
        )
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

    def _prepare_moving(self, moving: Volume, features: Tensor) -> None:
        """Stacks features and weights for sampling; one voxel around keeps the border's samples whole."""
        padded = F.pad(features[None], [1] * 6, mode="replicate")[0]
        self.moving = torch.cat([padded, F.pad(moving.weights[None], [1] * 6)])[None]  # (1, C + 1, D + 2, ...)
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
        """(B, C + 1, P): features and weights of the moving volume at (P, 3) positions, seen from the poses."""
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
        values = F.grid_sample(volume, grid, padding_mode="border", align_corners=True)  # (B batch, C + 1, 1, 1, P')
        values = values.reshape(poses, batch, values.shape[1], -1).transpose(1, 2).reshape(poses, values.shape[1], -1)
        return values[..., : len(positions)]

    def _spread(self, values: Tensor) -> Tensor:
        """(B, K, b) -> (B, K, b): sums over the window around each block."""
        dense = values.new_zeros(*values.shape[:2], int(np.prod(self.grid)))
        dense[:, :, self.occupied] = values
        return box_sum(dense.unflatten(2, self.grid), self.bands).flatten(2)[:, :, self.occupied]

    def _joint_weights(self, inside_moving: Tensor, blocks: slice) -> Tensor:
        """(B, b, v): 1 where a sample lies inside both masks."""
        fixed = self.weights[blocks]
        return (inside_moving > INSIDE).float().reshape(-1, *fixed.shape) * fixed

    def _windows(self, samples: Tensor) -> Moments:
        """The windows for (B, C + 1, n) moving features and weights at the blocks' voxels."""
        v = self.weights.shape[1]
        slices = self._block_slices()
        sums = [self._block_sums(samples[:, :, s.start * v : s.stop * v], s) for s in slices]
        return self._compare(self._spread(torch.cat(sums, 2) if len(sums) > 1 else sums[0]))

    @abstractmethod
    def _block_sums(self, samples: Tensor, blocks: slice) -> Tensor:
        """(B, K, b): what the windows' moments are made of, summed over each block."""

    @abstractmethod
    def _compare(self, sums: Tensor) -> Moments:
        """The windows' moments and similarities from their sums (B, K, b)."""

    @abstractmethod
    def _values(self, windows: Moments) -> Tensor:
        """(B,): the weighted mean over the windows."""

    @abstractmethod
    def _coefficients(self, windows: Moments) -> Tensor:
        """(B, K', b): sums over the windows that hold a block of what :meth:`_by_feature` needs."""

    @abstractmethod
    def _by_feature(
        self, samples: Tensor, coefficients: Tensor, blocks: slice
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """First and negated second derivatives by the C features, each (B, b v); the second as [i][j - i], j >= i."""

    def overlap(self, pose: Matrix) -> float:
        """The share of the field of view that lies inside the moving mask."""
        weights = self._sample_moving(pose[None], self.positions)[:, -1]
        return float(self._joint_weights(weights, slice(None)).sum() / self.weights.sum())

    def evaluate(self, poses: Matrix) -> NDArray[np.float64]:
        """(B,) similarities of (B, 4, 4) poses."""
        parts = [self._values(self._windows(self._sample_moving(g, self.positions))) for g in self._groups(poses)]
        values: NDArray[np.float64] = torch.cat(parts).cpu().double().numpy()
        return values

    def differentiate(self, poses: Matrix) -> Derivatives:
        """Similarities of (B, 4, 4) poses with their gradients and Gauss-Newton Hessians.

        The derivative by the warped features is exact; theirs by the pose takes central differences of the warped
        volume (smoother than the derivative of a trilinear interpolation). The weights change in jumps, whose
        derivative is left out: exact wherever the same samples stay inside the moving mask.
        """
        parts = [self._differentiate_group(group) for group in self._groups(poses)]
        return Derivatives(*(torch.cat(part).cpu().double().numpy() for part in zip(*parts, strict=True)))

    def _differentiate_group(self, poses: Matrix) -> tuple[Tensor, Tensor, Tensor]:
        halo = self._sample_moving(poses, self.halo_positions)  # (B, C + 1, P)
        samples = halo[:, :, self.inside]
        windows = self._windows(samples)
        coefficients = self._coefficients(windows)
        gradients = halo.new_zeros(len(poses), 6)
        hessians = halo.new_zeros(len(poses), 6, 6)
        for blocks in self._block_slices():
            voxels = slice(blocks.start * self.weights.shape[1], blocks.stop * self.weights.shape[1])
            slopes, curvatures = self._by_feature(samples[:, :, voxels], coefficients[:, :, blocks], blocks)
            jacobians = [self._jacobian(halo[:, feature], voxels) for feature in range(len(slopes))]
            for i, jacobian in enumerate(jacobians):
                gradients += torch.bmm(jacobian, slopes[i][..., None])[..., 0]
                for j in range(i, len(jacobians)):
                    product = torch.bmm(jacobian * curvatures[i][j - i][:, None], jacobians[j].mT)
                    hessians += product if i == j else product + product.mT
        return self._values(windows), gradients, hessians

    def _jacobian(self, halo: Tensor, voxels: slice) -> Tensor:
        """(B, 6, n): derivatives of a warped feature along rotations about the centre and translations.

        Component after component, which is several times as fast as (B, n, 6) voxel after voxel.
        """
        differences = [halo[:, after[voxels]] - halo[:, before[voxels]] for after, before in self.neighbours]
        along = (0.5 * self.index_gradient.T) @ torch.stack(differences, 1)  # (B, 3, n), per mm in LPS
        (x, y, z), (dx, dy, dz) = self.positions[voxels].T.contiguous(), along.unbind(1)
        turning = [y * dz - z * dy, z * dx - x * dz, x * dy - y * dx]
        return torch.cat([torch.stack(turning, 1), along], 1)

"""What the 2-D network makes of every case, made once and kept, and random patches of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.bundle import Bundle
from mmhvae.compute import full_precision
from mmhvae.exceptions import InputError
from mmhvae.files import whole_file
from mmhvae.images import to_slices
from mmhvae.settings import SynthesisSettings
from mmhvae.synthesis import PreparedCase, sample_volumes
from numpy.typing import NDArray
from torch import Tensor

from ..data import TrainingCase, load_case
from ..objective import subsets_of
from ..records import checksum_of_files
from .configuration import SynthesesConfig

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Patches:
    """A batch.

    Attributes:
        volumes: (B, M, D, H, W) in [0, 1]: of each modality the input where given, else the synthesis.
        truths: the same of the true images.
        given: (B, M); known: (B, M), whether there is a truth.
        mask: (B, 1, D, H, W), the field of view.
    """

    volumes: Tensor
    truths: Tensor
    given: Tensor
    known: Tensor
    mask: Tensor

    def share(self, rank: int, world: int) -> Patches:
        """The patches of one of ``world`` devices that split the batch evenly."""
        return Patches(*(tensor.chunk(world)[rank] for tensor in vars(self).values()))

    def to(self, device: torch.device) -> Patches:
        """The same on another device."""
        return Patches(*(tensor.to(device) for tensor in vars(self).values()))


def make_syntheses(data: SynthesesConfig, bundle: Bundle, seed: int, limit: int | None = None) -> list[Path]:
    """The kept views of all cases, or of the first so many; those that are not there, of these very files, are made.

    Raises:
        InputError: there is no case, or one cannot be used.
    """
    cases = sorted(path for path in data.cases.glob("*") if path.is_dir() and not path.name.startswith("."))[:limit]
    if not cases:
        raise InputError(f"{data.cases} holds no case; give the folder that simulate.py wrote.")
    asked = json.dumps([data.views, data.ultrasound_alone, data.temperatures, seed])
    folder = data.cache / f"{bundle.manifest.weights_sha256[:8]}-{zlib.crc32(asked.encode()):08x}"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, case in enumerate(cases):
        kept = f"{case.name}-{checksum_of_files([case])[:8]}"
        paths = [folder / f"{kept}-{view}.npz" for view in range(data.views)]
        if not all(path.is_file() for path in paths):
            _make(case, paths, data, bundle, np.random.default_rng([seed, zlib.crc32(case.name.encode())]))
            print(f"synthesised {case.name}, {number + 1} of {len(cases)}", flush=True)
        found += paths
    return found


def _make(folder: Path, paths: Sequence[Path], data: SynthesesConfig, bundle: Bundle, rng: np.random.Generator) -> None:
    case = load_case(folder, bundle.network.config.modalities, bundle.manifest.spacing_mm)
    for path in paths:
        view = _view(case, data, bundle, rng)
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **view)  # type: ignore[arg-type]  # numpy's stubs take any name for allow_pickle


def _view(
    case: TrainingCase, data: SynthesesConfig, bundle: Bundle, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """One view of a case: arrays as of :class:`Patches`, without the batch."""
    modalities, axis = bundle.network.config.modalities, int(rng.integers(3))
    inputs = {name: _planes(case.inputs[name], axis) for name in _inputs(case, data, len(modalities), rng)}
    mask = torch.from_numpy(to_slices(case.mask, axis))
    grid = sitk.Image(case.mask.shape[::-1], sitk.sitkUInt8)
    grid.SetSpacing([case.spacing] * 3)
    settings = SynthesisSettings(
        temperature=float(rng.uniform(*data.temperatures)), samples=1, seed=int(rng.integers(LARGEST_SEED))
    )
    with full_precision():
        made = sample_volumes(bundle, PreparedCase(inputs, mask, grid, axis), settings)
    empty = torch.zeros(mask.shape)
    volumes = [(inputs[name] + 1) / 2 if name in inputs else made[name][0] for name in modalities]
    truths = [(_planes(case.targets[name], axis) + 1) / 2 if name in case.targets else empty for name in modalities]
    return {
        "volumes": torch.stack(volumes).numpy().astype(np.float16),
        "truths": torch.stack(truths).numpy().astype(np.float16),
        "given": np.array([name in inputs for name in modalities]),
        "known": np.array([name in case.targets for name in modalities]),
        "mask": mask.numpy()[None],
    }


def _inputs(case: TrainingCase, data: SynthesesConfig, modalities: int, rng: np.random.Generator) -> Sequence[str]:
    """The ultrasound alone, or any that leave something to be synthesised of which the truth is known."""
    if "us" in case.inputs and rng.random() < data.ultrasound_alone:
        return ("us",)
    subsets = [subset for subset in subsets_of(tuple(case.inputs)) if len(subset) < len(case.inputs)]
    if not subsets:
        raise InputError(f"The case {case.name} has a single image; a refinement learns from those with two or more.")
    return subsets[int(rng.integers(len(subsets)))]


def _planes(volume: NDArray[np.float16], axis: int) -> Tensor:
    return torch.from_numpy(to_slices(volume, axis).astype(np.float32))


def draw_patches(
    paths: Sequence[Path], crop: tuple[int, int, int], batch_size: int, rng: np.random.Generator
) -> Patches:
    """Patches of random views around random voxels of their fields of view, flipped at random along each axis."""
    drawn = [_patch(paths[int(rng.integers(len(paths)))], crop, rng) for _ in range(batch_size)]
    return Patches(*(torch.stack(parts) for parts in zip(*drawn, strict=True)))


def _patch(path: Path, crop: tuple[int, int, int], rng: np.random.Generator) -> list[Tensor]:
    with np.load(path) as held:
        view = {name: held[name] for name in ("volumes", "truths", "given", "known", "mask")}
    inside = np.flatnonzero(view["mask"][0])
    centre = np.unravel_index(inside[rng.integers(len(inside))], view["mask"][0].shape)
    flipped = [axis for axis in (-3, -2, -1) if rng.random() < 0.5]

    def cut(volume: NDArray[np.generic]) -> Tensor:
        part = torch.from_numpy(
            _window(volume, [int(c) - side // 2 for c, side in zip(centre, crop, strict=True)], crop)
        )
        return part.float().flip(flipped)

    whole = {name: cut(view[name]) for name in ("volumes", "truths", "mask")}
    flags = {name: torch.from_numpy(view[name]).float() for name in ("given", "known")}
    return [whole["volumes"], whole["truths"], flags["given"], flags["known"], whole["mask"]]


def _window(volume: NDArray[np.generic], start: Sequence[int], crop: Sequence[int]) -> NDArray[np.generic]:
    """(C, D, H, W) -> (C, *crop) from ``start``, which may lie outside; zeros there."""
    result = np.zeros((len(volume), *crop), volume.dtype)
    source, into = [slice(None)], [slice(None)]
    for first, side, size in zip(start, crop, volume.shape[1:], strict=True):
        low, high = max(0, first), min(size, first + side)
        source.append(slice(low, high))
        into.append(slice(low - first, high - first))
    result[tuple(into)] = volume[tuple(source)]
    return result

"""Volumes on disk -> features, as plain numbers that can be kept, and classified again without the volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError, Progress, no_progress
from mmhvae.images import read_volume

from .classifier import Separation, separate
from .features import PATCH_FEATURES, VOLUME_FEATURES, histogram, maps, patch_features, volume_features
from .scan import SAME_SPACING, scan

#: Never used to choose anything: they are kept for the last figure.
HELD_OUT = ("Case3", "Case27")


@dataclass(frozen=True)
class Measured:
    """Features of one case; ``patches`` of its cubes; ``histogram`` as :func:`.features.histogram`."""

    case: str
    real: bool
    volume: dict[str, float]
    patches: list[dict[str, float]]
    histogram: list[float]

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``Measured(**data)`` is the inverse."""
        return asdict(self)


def find_real(folder: Path, held_out: bool = False) -> dict[str, Path]:
    """``NAME-us.nii.gz`` in a folder, without :data:`HELD_OUT` unless asked for.

    Raises:
        InputError: fewer than two are there.
    """
    paths = {path.name.removesuffix("-us.nii.gz"): path for path in sorted(folder.glob("*-us.nii.gz"))}
    paths = {name: path for name, path in paths.items() if held_out or name not in HELD_OUT}
    if len(paths) < 2:
        raise InputError(f"{folder} holds fewer than two real volumes to use; give the folder with NAME-us.nii.gz.")
    return paths


def find_simulated(folder: Path, most: int | None = None) -> dict[str, Path]:
    """The first ``most`` ``case-*/us.nii.gz`` in a folder.

    Raises:
        InputError: fewer than two are there.
    """
    paths = {path.parent.name: path for path in sorted(folder.glob("case-*/us.nii.gz"))[:most]}
    if len(paths) < 2:
        raise InputError(f"{folder} holds fewer than two cases; give the folder that simulate.py wrote.")
    return paths


def common_spacing(paths: list[Path]) -> float | None:
    """The coarsest voxel spacing (mm) of all volumes, to which the finer ones are brought; None where all agree."""
    spacings = [max(read_volume(path).GetSpacing()) for path in paths]
    return None if min(spacings) > max(spacings) * (1 - SAME_SPACING) else max(spacings)


def measure(path: Path, case: str, real: bool, spacing: float | None = None) -> Measured:
    """All features of one volume at ``spacing`` (mm; None: its own).

    Raises:
        InputError: the volume cannot be used.
    """
    filtered = maps(scan(read_volume(path, "ultrasound"), spacing))
    grey = histogram(filtered.scan)
    return Measured(case, real, volume_features(filtered), patch_features(filtered), grey)


def measure_all(
    real: Mapping[str, Path],
    simulated: Mapping[str, Path],
    spacing: float | None,
    progress: Progress = no_progress,
) -> list[Measured]:
    """:func:`measure` of every volume."""
    todo = [(name, path, True) for name, path in real.items()] + [(n, p, False) for n, p in simulated.items()]
    found = []
    for turn, (name, path, is_real) in enumerate(todo):
        progress(turn / len(todo), name)
        found.append(measure(path, name, is_real, spacing))
    return found


def separations(measured: list[Measured]) -> dict[str, Separation]:
    """The classifier on whole volumes, and on cubes of them (cases without a full cube are left out)."""
    with_patches = [(m, patch) for m in measured for patch in m.patches]
    by_volume = separate(
        [m.volume for m in measured], [m.real for m in measured], [m.case for m in measured], VOLUME_FEATURES
    )
    by_patch = separate(
        [patch for _, patch in with_patches],
        [m.real for m, _ in with_patches],
        [m.case for m, _ in with_patches],
        PATCH_FEATURES,
    )
    return {"volumes": by_volume, "patches": by_patch}

"""Where the ultrasound of a labelled sweep comes from: the simulator, a bundle, or a training run of any method."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.images import image_on, read_volume
from numpy.typing import NDArray

from ..scoring import RunVolumes, volumes_of_run
from ..single_precision import synthesize
from .labelled_sweeps import CONTRASTS, LabelledSweep

#: Grey levels of what is made, as of a scanner's eight bits.
BRIGHTEST = 255


class Maker(Protocol):
    """What makes ultrasound of MRs."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """MRs that it can take; none: it needs none."""

    @property
    def facts(self) -> dict[str, Any]:
        """Which one it is."""

    def make(self, sweep: LabelledSweep, subset: Sequence[str], seed: int) -> sitk.Image:
        """Float32 ultrasound on the sweep's grid, 0 to 255, 0 outside its field of view."""


@dataclass(frozen=True)
class SimulatorMaker:
    """The simulated ultrasound itself: what synthesis could reach at best."""

    inputs: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=lambda: {"method": "simulator"})

    def make(self, sweep: LabelledSweep, subset: Sequence[str], seed: int) -> sitk.Image:
        """As it is."""
        return sweep.us


@dataclass(frozen=True)
class BundleMaker:
    """A bundle, by the function that everybody uses, in single precision as runs are."""

    bundle: Bundle
    device: str = "auto"

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.bundle.network.config.modalities if name in CONTRASTS)

    @property
    def facts(self) -> dict[str, Any]:
        manifest = self.bundle.manifest
        return {"method": "bundle", "bundle": manifest.name, "weights_sha256": manifest.weights_sha256}

    def make(self, sweep: LabelledSweep, subset: Sequence[str], seed: int) -> sitk.Image:
        """Synthesised at the panel's temperature, one sample: a mean of several has less speckle than a scanner's."""
        shown = {name: sweep.mr(name) for name in subset}
        made = synthesize(self.bundle, shown, ["us"], samples=1, seed=seed, device=self.device, reference=sweep.us)
        return _within(sitk.GetArrayFromImage(made.images["us"]), sweep)


@dataclass(frozen=True)
class RunMaker:
    """A training run of MMHVAE or of a method that it is compared with."""

    run: RunVolumes

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.run.modalities if name in CONTRASTS)

    @property
    def facts(self) -> dict[str, Any]:
        return self.run.facts

    def make(self, sweep: LabelledSweep, subset: Sequence[str], seed: int) -> sitk.Image:
        """Beyond the network's square there is no ultrasound."""
        shown = {"us": sweep.us} | {name: read_volume(sweep.folder / f"{name}.nii.gz", name) for name in subset}
        made = self.run.volumes(shown, subset, ["us"], seed).images["us"]
        return _within(sitk.GetArrayFromImage(made), sweep)


def run_maker(folder: Path, device: str = "cpu") -> RunMaker:
    """The averaged weights of a run of train.py or train_baseline.py.

    Raises:
        InputError: the folder holds none, or it makes no ultrasound.
    """
    run = volumes_of_run(folder, device)
    if "us" not in run.modalities:
        raise InputError(f"The run {folder} makes no ultrasound; give one whose modalities include us.")
    return RunMaker(run)


def draw_subset(available: Sequence[str], name: str, seed: int) -> tuple[str, ...]:
    """A random non-empty subset of the MRs, each alike, that depends on the case's name and the seed alone."""
    if not available:
        return ()
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    code = int(rng.integers(1, 2 ** len(available)))
    return tuple(mr for number, mr in enumerate(available) if code >> number & 1)


def _within(unit: NDArray[np.floating], sweep: LabelledSweep) -> sitk.Image:
    inside = sitk.GetArrayViewFromImage(sweep.field_of_view) > 0
    levels = np.where(inside, BRIGHTEST * np.clip(unit, 0, 1), 0)
    return image_on(levels.astype(np.float32), sweep.us)

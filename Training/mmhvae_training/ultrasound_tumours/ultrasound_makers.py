"""Where the ultrasound of a labelled sweep comes from: the simulator, a bundle, or a training run of any method."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae import synthesize
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.images import field_of_view, from_slices, image_on, restored, working_grid
from numpy.typing import NDArray

from ..baselines import MMHVAESynthesiser, Synthesiser
from ..data import all_slices, load_case
from ..scoring import baseline_source, is_baseline, load_run
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
    """A bundle, by the function that everybody uses."""

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
    """A training run of MMHVAE or of a method that it is compared with, slice by slice along the third axis."""

    synthesiser: Synthesiser
    inputs: tuple[str, ...]
    side: int
    spacing: float
    facts: dict[str, Any]
    device: str = "cpu"
    batch_size: int = 8

    def make(self, sweep: LabelledSweep, subset: Sequence[str], seed: int) -> sitk.Image:
        """Slices wider than the network's square are made in its middle alone; beyond it there is no ultrasound."""
        case = load_case(sweep.folder, ("us", *subset), self.spacing)
        batch = all_slices(case, self.side)
        generator, slices = torch.Generator(self.device).manual_seed(seed), []
        for start in range(0, len(batch.mask), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            shown = {name: batch.inputs[name][chosen].float().to(self.device) for name in subset}
            mask = batch.mask[chosen].to(self.device)
            made = self.synthesiser.synthesise(shown, ["us"], mask, generator)["us"]
            slices.append(((made[:, 0].float().cpu() + 1) / 2).numpy())
        planes, seen = (_uncut(array, case.mask.shape) for array in (np.concatenate(slices), batch.mask[:, 0].numpy()))
        visible = field_of_view(sweep.us)
        grid = working_grid(visible, self.spacing, slice_axis=2)
        image = restored(from_slices(planes * seen, 2).astype(np.float32), from_slices(seen, 2) > 0, grid, visible)
        return _within(sitk.GetArrayFromImage(image), sweep)


def run_maker(folder: Path, device: str = "cpu") -> RunMaker:
    """The averaged weights of a run of train.py or train_baseline.py.

    Raises:
        InputError: the folder holds none, or it makes no ultrasound.
    """
    synthesiser: Synthesiser
    if is_baseline(folder):
        source = baseline_source(folder, device=device)
        synthesiser, side, spacing, facts = source.baseline, source.side, source.spacing, source.facts
        known = source.modalities
    else:
        network, spacing, facts = load_run(folder)
        synthesiser, side, known = (
            MMHVAESynthesiser(network.to(device)),
            network.config.image_size,
            network.config.modalities,
        )
    if "us" not in known:
        raise InputError(f"The run {folder} makes no ultrasound; give one whose modalities include us.")
    inputs = tuple(name for name in known if name in CONTRASTS)
    return RunMaker(synthesiser, inputs, side, spacing, {"method": "MMHVAE"} | facts, device)


def draw_subset(available: Sequence[str], name: str, seed: int) -> tuple[str, ...]:
    """A random non-empty subset of the MRs, each alike, that depends on the case's name and the seed alone."""
    if not available:
        return ()
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    code = int(rng.integers(1, 2 ** len(available)))
    return tuple(mr for number, mr in enumerate(available) if code >> number & 1)


def _uncut(slices: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Squares (S, side, side) from the middle of slices, put back into slices of the case's (k, j, i) shape."""
    count, columns, rows = shape
    side, result = slices.shape[-1], np.zeros((count, rows, columns), np.float32)
    target, source = [], []
    for length in (rows, columns):
        first = (length - side) // 2
        low, high = max(first, 0), min(first + side, length)
        target.append(slice(low, high))
        source.append(slice(low - first, high - first))
    result[:, target[0], target[1]] = slices[:, source[0], source[1]]
    return result


def _within(unit: NDArray[np.floating], sweep: LabelledSweep) -> sitk.Image:
    inside = sitk.GetArrayViewFromImage(sweep.field_of_view) > 0
    levels = np.where(inside, BRIGHTEST * np.clip(unit, 0, 1), 0)
    return image_on(levels.astype(np.float32), sweep.us)

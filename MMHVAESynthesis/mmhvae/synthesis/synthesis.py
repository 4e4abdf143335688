"""Volumes in, volumes out.

The field of view of the ultrasound (or of the first input) is cut out, brought to the model's grid, passed
through the network slice by slice, and the result is put back onto the reference's exact grid.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..bundle import Bundle
from ..compute import choose_device, half_precision, kept_heap
from ..exceptions import InputError, Progress, no_progress
from ..images import image_on
from ..network import (
    MMHVAE,
    MMHVAEConfig,
    TileLayout,
    draw_noise,
    fitting_slices,
    prepared,
    slices_per_batch,
)
from .passes import Sampling, Statistics, run_in_batches, run_side_by_side, sampled_planes
from .preparation import PREPARING, PreparedCase, prepare, returned

SliceAxis = int | Literal["all"]
#: Largest mean difference between reduced precision and float32, as a share of the output's range.
PRECISION_TOLERANCE = 0.005
#: Far above the prior's own 1; beyond it the images lose all meaning, and in the end their numbers overflow.
LARGEST_TEMPERATURE = 10.0
#: The noise of all samples is held in memory.
MOST_SAMPLES = 50
#: Shares of the progress at which preparation ends, and at which the network has done its work.
PREPARED, COMPUTED = 0.05, 0.95
RETURNING = "bringing the images onto the input's grid"
_precision_checks: WeakKeyDictionary[MMHVAE, dict[tuple[str, ...], bool]] = WeakKeyDictionary()


@dataclass(frozen=True)
class SynthesisResult:
    """What :func:`synthesize` returns; every image is on the reference's exact grid.

    Attributes:
        images: target -> float32, harmonised to [0, 1], 0 outside the field of view; mean over the samples.
        uncertainty: target -> voxel-wise standard deviation over the samples, in the same unit. Empty when only
            one sample was drawn: one sample says nothing about uncertainty.
        field_of_view: uint8, 1 where the images are valid.
        device: that did the work.
        precision: "float32", or the reduced precision that passed the check.
        seconds: wall-clock time.
    """

    images: dict[str, sitk.Image]
    uncertainty: dict[str, sitk.Image]
    field_of_view: sitk.Image
    device: str
    precision: str
    seconds: float


@dataclass(frozen=True)
class _Request:
    """What the caller asked for, checked."""

    targets: tuple[str, ...]
    temperature: float
    samples: int
    seed: int
    device: torch.device
    batch_size: int | None


@kept_heap()
def synthesize(
    bundle: Bundle,
    inputs: Mapping[str, sitk.Image],
    targets: Sequence[str],
    temperature: float = 0.5,
    samples: int = 1,
    seed: int = 0,
    device: str = "auto",
    reference: sitk.Image | None = None,
    progress: Progress | None = None,
    *,
    slice_axis: SliceAxis | None = None,
    batch_size: int | None = None,
) -> SynthesisResult:
    """Synthesise ``targets`` from the modalities in ``inputs``.

    Args:
        bundle: from :func:`mmhvae.load_bundle`.
        inputs: modality -> 3-D volume, co-registered in LPS mm; grids may differ.
        targets: modalities to synthesise.
        temperature: 0 gives the most probable image; the paper uses 0.5.
        samples: number of draws that mean and standard deviation are taken over.
        seed: the same seed gives the same result, whatever the batch size.
        device: auto, cpu, cuda or mps.
        reference: its grid receives the results; by default the ultrasound, else the first input in the bundle's
            order.
        progress: called between slices; raising :class:`mmhvae.Cancelled` in it stops the work.
        slice_axis: index axis of the ultrasound that slices follow, 0, 1 or 2; by default the bundle's. "all" slices
            along each in turn: three times the work, smoother images, and an uncertainty that knows where the
            three disagree.
        batch_size: slices at a time; by default what the memory holds.

    Raises:
        InputError: an input, target or number cannot be used.
    """
    started = time.monotonic()
    progress = progress or no_progress
    config = bundle.network.config
    check_request(config, inputs, targets, temperature, samples, seed)
    axes = _slice_axes(bundle, slice_axis)
    request = _Request(
        targets=tuple(name for name in config.modalities if name in targets),
        temperature=temperature,
        samples=samples if temperature else 1,
        seed=seed,
        device=choose_device(device),
        batch_size=batch_size,
    )
    results = [
        _along(bundle, inputs, reference, axis, request, _part(progress, turn, len(axes)))
        for turn, axis in enumerate(axes)
    ]
    combined = results[0] if len(results) == 1 else _combined(results, request.samples)
    progress(1.0, "done")
    return replace(combined, seconds=time.monotonic() - started)


def _slice_axes(bundle: Bundle, slice_axis: SliceAxis | None) -> tuple[int, ...]:
    if slice_axis == "all":
        return (0, 1, 2)
    axis = bundle.manifest.slice_axis if slice_axis is None else slice_axis
    if axis not in (0, 1, 2):
        raise InputError(f"The slice axis is {axis}; give 0, 1, 2 or all.")
    return (int(axis),)


def _part(progress: Progress, turn: int, turns: int) -> Progress:
    """Progress of one of several equal parts."""
    return lambda fraction, message: progress((turn + fraction) / turns, message)


def _between(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part of the whole."""
    return lambda fraction, message: progress(start + (end - start) * fraction, message)


def _along(
    bundle: Bundle,
    inputs: Mapping[str, sitk.Image],
    reference: sitk.Image | None,
    axis: int,
    request: _Request,
    progress: Progress,
) -> SynthesisResult:
    """The whole work with slices along one axis."""
    config = bundle.network.config
    progress(0.0, PREPARING)
    case, output_field = prepare(bundle, inputs, reference, axis, _between(progress, 0, PREPARED))
    layout = TileLayout.covering((case.mask.shape[1], case.mask.shape[2]), config.image_size, config.stride)
    slice_spacing = case.grid.GetSpacing()[axis]
    noise = draw_noise(config, layout, len(case.mask), slice_spacing, request.samples, request.seed)
    sampling = Sampling(request.targets, request.temperature, noise, request.device)
    between = _between(progress, PREPARED, COMPUTED)
    statistics, sampling = _run_where_it_fits(bundle, case, layout, sampling, request.batch_size, between)
    images, uncertainty = {}, {}
    for number, name in enumerate(request.targets):
        progress(COMPUTED + (1 - COMPUTED) * number / len(request.targets), RETURNING)
        images[name] = returned(statistics.mean[name], case, output_field)
        if name in statistics.deviation:
            progress(COMPUTED + (1 - COMPUTED) * (number + 0.5) / len(request.targets), RETURNING)
            uncertainty[name] = returned(statistics.deviation[name], case, output_field)
    return SynthesisResult(
        images=images,
        uncertainty=uncertainty,
        field_of_view=output_field,
        device=str(sampling.device),
        precision=str(sampling.dtype).removeprefix("torch."),
        seconds=0.0,
    )


def _combined(results: Sequence[SynthesisResult], samples: int) -> SynthesisResult:
    """Mean and standard deviation over the samples of all axes, from those of each axis."""
    first, images, uncertainty = results[0], {}, {}
    for name in first.images:
        means = np.stack([sitk.GetArrayFromImage(result.images[name]) for result in results])
        squares = samples * ((means - means.mean(0)) ** 2).sum(0)
        for result in results if samples > 1 else ():
            squares += (samples - 1) * sitk.GetArrayFromImage(result.uncertainty[name]) ** 2
        images[name] = image_on(means.mean(0), first.field_of_view)
        uncertainty[name] = image_on(np.sqrt(squares / (samples * len(results) - 1)), first.field_of_view)
    return replace(first, images=images, uncertainty=uncertainty)


def check_request(
    config: MMHVAEConfig,
    inputs: Collection[str],
    targets: Collection[str],
    temperature: float,
    samples: int,
    seed: int,
) -> None:
    """Refuse modalities and numbers that :func:`synthesize` cannot work with.

    Raises:
        InputError: no input or target, an unknown one, or a number out of its range.
    """
    known = ", ".join(config.modalities)
    if not inputs:
        raise InputError(f"No image was given; give one or more of {known}.")
    if not targets:
        raise InputError(f"No target was asked for; ask for one or more of {known}.")
    for name in [*inputs, *targets]:
        if name not in config.modalities:
            raise InputError(f"The bundle does not know {name!r}; it has {known}.")
    if not 0 <= temperature <= LARGEST_TEMPERATURE:  # false for NaN too
        raise InputError(f"The temperature is {temperature:g}; give a number from 0 to 10, such as 0.5.")
    if not 1 <= samples <= MOST_SAMPLES:
        raise InputError(f"{samples} samples were asked for; ask for at least 1 and at most {MOST_SAMPLES}.")
    if not 0 <= seed < 2**63:
        raise InputError(f"The seed is {seed}; give a whole number from 0 to 2**63 - 1.")


def _run_where_it_fits(
    bundle: Bundle,
    case: PreparedCase,
    layout: TileLayout,
    sampling: Sampling,
    batch_size: int | None,
    progress: Progress,
) -> tuple[Statistics, Sampling]:
    """Run on the device chosen or, where its memory cannot hold even one slice, on the CPU; says how it was run."""
    config = bundle.network.config
    try:
        sampling = replace(sampling, dtype=usable_precision(bundle, case, layout, sampling, progress))
        network = prepared(bundle.network, sampling.device, sampling.dtype)
        memory = (config, len(case.inputs), sampling.device, sampling.dtype)
        if scales_by_slices(sampling.device):
            at_once = batch_size or min(torch.get_num_threads(), fitting_slices(*memory))
            return run_side_by_side(network, case, layout, sampling, at_once, progress), sampling
        return run_in_batches(
            network, case, layout, sampling, batch_size or slices_per_batch(*memory), progress
        ), sampling
    except torch.OutOfMemoryError:
        if sampling.device.type == "cpu":
            raise
    progress(0.0, "the GPU's memory is full, going on with the CPU")
    on_cpu = replace(sampling, device=torch.device("cpu"), dtype=torch.float32)
    return _run_where_it_fits(bundle, case, layout, on_cpu, None, progress)


def scales_by_slices(device: torch.device) -> bool:
    """Whether slices beside each other, one thread each, are faster than batches."""
    return device.type == "cpu"


def usable_precision(
    bundle: Bundle, case: PreparedCase, layout: TileLayout, sampling: Sampling, progress: Progress
) -> torch.dtype:
    """Reduced precision where the device has it and this bundle bears it, for these inputs and targets.

    Checked on the fullest slice, once a bundle, device, and choice of inputs and targets.
    """
    reduced = half_precision(sampling.device)
    if reduced is None:
        return torch.float32
    checks = _precision_checks.setdefault(bundle.network, {})
    key = (str(sampling.device), *case.inputs, "->", *sampling.targets, str(sampling.temperature))
    if key not in checks:
        fullest = [int(case.mask.flatten(1).sum(1).argmax())]
        mask = case.mask[fullest]

        def slice_in(dtype: torch.dtype) -> dict[str, Tensor]:
            how = replace(sampling, noise=sampling.noise[:1], dtype=dtype)
            network = prepared(bundle.network, sampling.device, dtype)
            still = lambda share: progress(0.0, "checking the GPU's reduced precision")  # noqa: E731
            return sampled_planes(network, case, layout, how, fullest, 1, still)

        exact, fast = slice_in(torch.float32), slice_in(reduced)
        differences = [(exact[name] - fast[name]).abs()[0][mask].mean() for name in sampling.targets]
        checks[key] = all(bool(d <= PRECISION_TOLERANCE) for d in differences)
    return reduced if checks[key] else torch.float32

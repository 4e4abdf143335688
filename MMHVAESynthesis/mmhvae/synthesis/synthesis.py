"""Volumes in, volumes out.

The field of view of the ultrasound (or of the first input) is cut out, brought to the model's grid, passed
through the network slice by slice, refined in 3-D where the bundle can, and put back onto the reference's exact grid.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..bundle import Bundle
from ..compute import choose_device, half_precision, kept_heap
from ..exceptions import InputError, Progress, no_progress, part_of
from ..images import image_on
from ..network import (
    MMHVAE,
    MMHVAEConfig,
    TileLayout,
    draw_noise,
    fitting_slices,
    prepared,
    slices_per_batch,
    slices_per_thread,
)
from ..settings import SliceAxis, SynthesisSettings
from .passes import Collector, SampleVolumes, Sampling, Statistics, run_in_batches, run_side_by_side, sampled_planes
from .preparation import Preparation, PreparedCase
from .refining import is_refined, needed_targets, refined_statistics

#: Largest mean difference between reduced precision and float32, as a share of the output's range.
PRECISION_TOLERANCE = 0.005
#: Share of the progress at which the inputs have been looked at.
LOOKED_AT = 0.03
#: Shares of an axis's part, at which preparation ends, and at which the network has done its work.
PREPARED, COMPUTED = 0.02, 0.95
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
    settings: SynthesisSettings
    device: torch.device
    batch_size: int | None


class _Networks:
    """A bundle, and its network prepared for inference once a device and precision."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._prepared: dict[tuple[torch.device, torch.dtype], MMHVAE] = {}

    def get(self, sampling: Sampling) -> MMHVAE:
        """The one to run as ``sampling`` says."""
        key = sampling.device, sampling.dtype
        if key not in self._prepared:
            self._prepared[key] = prepared(self.bundle.network, *key)
        return self._prepared[key]


@kept_heap()
def synthesize(
    bundle: Bundle,
    inputs: Mapping[str, sitk.Image],
    targets: Sequence[str],
    temperature: float = SynthesisSettings.temperature,
    samples: int = SynthesisSettings.samples,
    seed: int = SynthesisSettings.seed,
    device: str = "auto",
    reference: sitk.Image | None = None,
    progress: Progress | None = None,
    *,
    slice_axis: SliceAxis | None = None,
    batch_size: int | None = None,
    settings: SynthesisSettings | None = None,
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
        settings: in place of temperature, samples, seed and slice_axis.

    Raises:
        InputError: an input, target or number cannot be used.
    """
    started = time.monotonic()
    progress = progress or no_progress
    config = bundle.network.config
    check_request(config, inputs, targets)
    wanted = SynthesisSettings.of(settings, temperature=temperature, samples=samples, seed=seed, slice_axis=slice_axis)
    axes = wanted.axes(bundle.manifest.slice_axis)
    request = _Request(
        targets=tuple(name for name in config.modalities if name in targets),
        settings=wanted if wanted.temperature else replace(wanted, samples=1),
        device=choose_device(device),
        batch_size=batch_size,
    )
    preparation = Preparation(bundle, inputs, reference, axes, part_of(progress, 0, LOOKED_AT))
    networks, edges = _Networks(bundle), np.linspace(LOOKED_AT, 1, len(axes) + 1).tolist()
    results = [
        _along(networks, preparation, axis, request, part_of(progress, *ends))
        for axis, ends in zip(axes, pairwise(edges), strict=True)
    ]
    combined = results[0] if len(results) == 1 else _combined(results, request.settings.samples)
    progress(1.0, "done")
    return replace(combined, seconds=time.monotonic() - started)


def _along(
    networks: _Networks, preparation: Preparation, axis: int, request: _Request, progress: Progress
) -> SynthesisResult:
    """The whole work with slices along one axis."""
    case = preparation.along(axis, part_of(progress, 0, PREPARED))
    layout, sampling = _planned(networks.bundle, case, request)
    between = part_of(progress, PREPARED, COMPUTED)
    statistics, sampling = _run_where_it_fits(networks, case, layout, sampling, request.batch_size, between)
    images, uncertainty = {}, {}
    for number, name in enumerate(request.targets):
        progress(COMPUTED + (1 - COMPUTED) * number / len(request.targets), RETURNING)
        images[name] = preparation.returned(statistics.mean[name], axis)
        if name in statistics.deviation:
            progress(COMPUTED + (1 - COMPUTED) * (number + 0.5) / len(request.targets), RETURNING)
            uncertainty[name] = preparation.returned(statistics.deviation[name], axis)
    return SynthesisResult(
        images=images,
        uncertainty=uncertainty,
        field_of_view=preparation.output_field,
        device=str(sampling.device),
        precision=str(sampling.dtype).removeprefix("torch."),
        seconds=0.0,
    )


def _planned(bundle: Bundle, case: PreparedCase, request: _Request) -> tuple[TileLayout, Sampling]:
    """How the network is run over a case's planes."""
    config, settings = bundle.network.config, request.settings
    plane = (case.mask.shape[1], case.mask.shape[2])
    layout = TileLayout.covering(plane, config.image_size, config.stride, bundle.manifest.is_release)
    slice_spacing = case.grid.GetSpacing()[case.axis]
    noise = draw_noise(config, layout, len(case.mask), slice_spacing, settings.samples, settings.seed)
    return layout, Sampling(request.targets, settings.temperature, noise, request.device)


def sample_volumes(
    bundle: Bundle, case: PreparedCase, settings: SynthesisSettings, device: str = "auto"
) -> dict[str, Tensor]:
    """What the 2-D network alone makes of each modality that was not given: what a refinement learns from.

    Returns:
        Every sample by itself, a modality (N, S, H, W) in [0, 1], 0 outside the field of view.
    """
    missing = tuple(name for name in bundle.network.config.modalities if name not in case.inputs)
    layout, sampling = _planned(bundle, case, _Request(missing, settings, choose_device(device), None))
    samples = SampleVolumes.empty(case, sampling)
    _run(_Networks(bundle), case, layout, None, sampling, samples, no_progress)
    return samples.volumes


def _combined(results: Sequence[SynthesisResult], samples: int) -> SynthesisResult:
    """Mean and standard deviation over the samples of all axes, from those of each axis."""
    first, images, uncertainty = results[0], {}, {}
    for name in first.images:
        volumes = [sitk.GetArrayViewFromImage(result.images[name]) for result in results]
        mean = np.asarray(sum(volumes[1:], volumes[0]) / len(volumes), np.float32)
        squares = np.zeros_like(mean)
        for result, volume in zip(results, volumes, strict=True):
            change = volume - mean
            squares += np.multiply(change, change, out=change) * samples
            if samples > 1:
                squares += (samples - 1) * np.square(sitk.GetArrayViewFromImage(result.uncertainty[name]))
        images[name] = image_on(mean, first.field_of_view)
        deviation = np.sqrt(squares / (samples * len(results) - 1), out=squares)
        uncertainty[name] = image_on(deviation, first.field_of_view)
    return replace(first, images=images, uncertainty=uncertainty)


def check_request(config: MMHVAEConfig, inputs: Collection[str], targets: Collection[str]) -> None:
    """Refuse modalities that :func:`synthesize` cannot work with.

    Raises:
        InputError: no input or target, or an unknown one.
    """
    known = ", ".join(config.modalities)
    if not inputs:
        raise InputError(f"No image was given; give one or more of {known}.")
    if not targets:
        raise InputError(f"No target was asked for; ask for one or more of {known}.")
    for name in [*inputs, *targets]:
        if name not in config.modalities:
            raise InputError(f"The bundle does not know {name!r}; it has {known}.")


def _run_where_it_fits(
    networks: _Networks,
    case: PreparedCase,
    layout: TileLayout,
    sampling: Sampling,
    batch_size: int | None,
    progress: Progress,
) -> tuple[Statistics, Sampling]:
    """Run on the device chosen or, where its memory cannot hold even one slice, on the CPU; says how it was run."""
    asked, bundle = sampling, networks.bundle
    try:
        sampling = replace(sampling, targets=needed_targets(bundle, case, asked.targets))
        sampling = replace(sampling, dtype=usable_precision(bundle, case, layout, sampling, progress))
        run = partial(_run, networks, case, layout, batch_size)
        if is_refined(bundle, case):
            return refined_statistics(bundle, case, sampling, asked.targets, run, progress), sampling
        statistics = Statistics.empty(case, sampling)
        run(sampling, statistics, progress)
        return statistics, sampling
    except torch.OutOfMemoryError:
        if sampling.device.type == "cpu":
            raise
    progress(0.0, "the GPU's memory is full, going on with the CPU")
    on_cpu = replace(asked, device=torch.device("cpu"), dtype=torch.float32)
    return _run_where_it_fits(networks, case, layout, on_cpu, None, progress)


def _run(
    networks: _Networks,
    case: PreparedCase,
    layout: TileLayout,
    batch_size: int | None,
    sampling: Sampling,
    into: Collector,
    progress: Progress,
) -> None:
    """All slices through the 2-D network, in the way that the device likes."""
    config, network = networks.bundle.network.config, networks.get(sampling)
    memory = (config, len(case.inputs), sampling.device, sampling.dtype)
    if scales_by_slices(sampling.device):
        at_once = batch_size or fitting_slices(*memory)
        together = min(slices_per_thread(config, sampling.dtype), at_once)
        workers = max(1, min(torch.get_num_threads(), at_once // together))
        run_side_by_side(network, case, layout, sampling, workers, together, into, progress)
    else:
        run_in_batches(network, case, layout, sampling, batch_size or slices_per_batch(*memory), into, progress)


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
            whose = "processor" if sampling.device.type == "cpu" else "GPU"
            still = lambda share: progress(0.0, f"checking the {whose}'s reduced precision")  # noqa: E731
            return sampled_planes(network, case, layout, how, fullest, 1, still)

        exact, fast = slice_in(torch.float32), slice_in(reduced)
        differences = [(exact[name] - fast[name]).abs()[0][mask].mean() for name in sampling.targets]
        checks[key] = all(bool(d <= PRECISION_TOLERANCE) for d in differences)
    return reduced if checks[key] else torch.float32

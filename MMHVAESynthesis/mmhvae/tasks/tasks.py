"""What the engine can be asked to do; each task takes checked parameters, and writes its images into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import cast

import SimpleITK as sitk
import torch

from ..compute import MEMORY_FULL, choose_device
from ..exceptions import InputError, Progress
from ..images import read_volume
from ..network import prepared
from ..sweep import Compounding, Reconstruction, read_calibration, read_sweep, reconstruct
from ..synthesis import SliceAxis, check_request, synthesize
from .context import Answer, Context
from .live import LIVE_TASKS
from .models import WEIGHTS_TASKS
from .overlay import OVERLAY_TASKS
from .parameters import Parameters
from .registration import REGISTRATION_TASKS
from .segment import SEGMENTATION_TASKS
from .self_test import self_test

#: Share of a request's progress that reconstructing its sweep takes.
RECONSTRUCTED = 0.4
LOADING, READING, WRITING = "loading the model", "reading the images", "writing the results"


def run_load(parameters: Parameters, context: Context) -> Answer:
    """What the bundle is; from now on it is warm, and so is the device."""
    path, device = parameters.required_path("bundle"), parameters.text("device", "auto")
    parameters.finish()
    chosen = choose_device(device)
    context.progress(0.0, LOADING)
    bundle, warm = context.bundles.load(path)
    prepared(bundle.network, chosen)  # its first time, in a process, imports and sets up much that is needed once
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "modalities": list(manifest.architecture.modalities),
        "spacing_mm": manifest.spacing_mm,
        "licence": manifest.licence,
        "intended_use": manifest.intended_use,
        "weights_sha256": manifest.weights_sha256,
        "warm": warm,
    }


def run_synthesize(parameters: Parameters, context: Context) -> Answer:
    """Images of the targets, their uncertainty, and the field of view; and of a sweep also the reconstruction."""
    bundle_path = parameters.required_path("bundle")
    paths, sweep = parameters.paths("inputs"), parameters.group("sweep")
    reference_path = parameters.path("reference")
    targets, device = parameters.texts("targets"), parameters.text("device", "auto")
    temperature = parameters.number("temperature", 0.5)
    samples, seed = parameters.whole("samples", 1), parameters.whole("seed", 0)
    axis = _slice_axis(parameters.text("slice_axis", ""))
    parameters.finish()
    if sweep is not None and "us" in paths:
        raise InputError("An ultrasound volume and a sweep were given; choose one of them.")
    context.progress(0.0, LOADING)
    bundle, warm = context.bundles.load(bundle_path)
    given = {*paths, "us"} if sweep is not None else {*paths}
    check_request(bundle.network.config, given, targets, temperature, samples, seed)
    chosen = choose_device(device)
    inputs = _read(paths, context)
    reference = read_volume(reference_path, "reference") if reference_path else None
    answer: Answer = {"bundle": bundle.manifest.name, "weights_sha256": bundle.manifest.weights_sha256, "warm": warm}
    progress = context.progress
    if sweep is not None:
        compounded = _reconstructed(sweep, _share(context.progress, 0, RECONSTRUCTED))
        inputs["us"] = compounded.volume
        answer |= _described(compounded) | {"ultrasound": context.write(compounded.volume, "ultrasound")}
        progress = _share(context.progress, RECONSTRUCTED, 1)
    result = synthesize(
        bundle, inputs, targets, temperature, samples, seed, str(chosen), reference, progress, slice_axis=axis
    )
    fell_back = torch.device(result.device).type != chosen.type
    written: dict[str, dict[str, str]] = {"images": {}, "uncertainty": {}}
    for name, image in result.images.items():
        context.progress(1.0, WRITING)
        written["images"][name] = context.write(image, name)
    for name, image in result.uncertainty.items():
        context.progress(1.0, WRITING)
        written["uncertainty"][name] = context.write(image, f"{name}-uncertainty")
    return (
        answer
        | written
        | {
            "field_of_view": context.write(result.field_of_view, "field-of-view"),
            "device": result.device,
            "precision": result.precision,
            "seconds": result.seconds,
            "notice": MEMORY_FULL if fell_back else "",
        }
    )


def _read(paths: Mapping[str, Path], context: Context) -> dict[str, sitk.Image]:
    """The images of files; a cancelled request ends between two of them."""
    images = {}
    for name, path in paths.items():
        context.progress(0.0, READING)
        images[name] = read_volume(path, f"{name} image")
    return images


def _written(images: Mapping[str, sitk.Image], suffix: str, context: Context) -> dict[str, str]:
    """The paths of images on disk; a cancelled request ends between two of them."""
    paths = {}
    for name, image in images.items():
        context.progress(1.0, WRITING)
        paths[name] = context.write(image, f"{name}{suffix}")
    return paths


def _slice_axis(text: str) -> SliceAxis | None:
    if text not in ("", "0", "1", "2", "all"):
        raise InputError(f"The slice axis is {text!r}; give 0, 1, 2 or all.")
    return "all" if text == "all" else int(text) if text else None


def _share(progress: Progress, start: float, end: float) -> Progress:
    return lambda fraction, message: progress(start + (end - start) * fraction, message)


def run_reconstruct(parameters: Parameters, context: Context) -> Answer:
    """The volume of a tracked sweep, and its field of view."""
    compounded = _reconstructed(parameters, context.progress)
    return _described(compounded) | {
        "ultrasound": context.write(compounded.volume, "ultrasound"),
        "field_of_view": context.write(compounded.field_of_view, "field-of-view"),
    }


def _reconstructed(parameters: Parameters, progress: Progress) -> Reconstruction:
    path, calibration = parameters.required_path("path"), parameters.text("calibration", "")
    image, probe = parameters.text("image_frame", "Image"), parameters.text("probe_frame", "Probe")
    reference = parameters.text("reference_frame", "Reference")
    clip, spacing = parameters.wholes("clip", 4), parameters.number("spacing", 0.5)
    compounding = cast(Compounding, parameters.text("compounding", "mean"))  # reconstruct() refuses any other
    fill_holes = parameters.flag("fill_holes", True)
    parameters.finish()
    image_to_probe = read_calibration(calibration, image=image, probe=probe) if calibration else None
    sweep = read_sweep(path, image_to_probe, image=image, probe=probe, reference=reference)
    rectangle = None if clip is None else (clip[0], clip[1], clip[2], clip[3])
    return reconstruct(
        sweep, spacing, clip=rectangle, compounding=compounding, fill_holes=fill_holes, progress=progress
    )


def _described(compounded: Reconstruction) -> Answer:
    return {
        "frames_used": compounded.frames_used,
        "frames_dropped": compounded.frames_dropped,
        "why_dropped": compounded.why_dropped,
    }


def run_self_test(parameters: Parameters, context: Context) -> Answer:
    """A small network and a gradient on the device, compared with the CPU."""
    device = parameters.text("device", "auto")
    parameters.finish()
    context.progress(0.0, "testing the device")
    return asdict(self_test(device))


TASKS: Mapping[str, Callable[[Parameters, Context], Answer]] = {
    "load": run_load,
    "synthesize": run_synthesize,
    "reconstruct": run_reconstruct,
    "self_test": run_self_test,
    **REGISTRATION_TASKS,
    **OVERLAY_TASKS,
    **SEGMENTATION_TASKS,
    **LIVE_TASKS,
    **WEIGHTS_TASKS,
}

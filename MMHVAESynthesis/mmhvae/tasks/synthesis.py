"""What the engine does for synthesis: files of images, or of tracked frames, become files of synthetic images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import SimpleITK as sitk
import torch

from ..answers import SynthesisAnswer
from ..compute import MEMORY_FULL, choose_device
from ..exceptions import InputError, part_of
from ..images import read_volume
from ..settings import SynthesisSettings
from ..synthesis import SynthesisResult, check_request, synthesize
from .context import Context
from .models import LOADING
from .parameters import Parameters
from .reconstruction import reconstructed

#: Share of a request's progress that reconstructing its sweep takes.
RECONSTRUCTED = 0.4
READING, WRITING = "reading the images", "writing the results"


def run_synthesize(parameters: Parameters, context: Context) -> SynthesisAnswer:
    """Images of the targets, their uncertainty, and the field of view; and of a sweep also the reconstruction."""
    bundle_path = parameters.required_path("bundle")
    paths, sweep = parameters.paths("inputs"), parameters.group("sweep")
    reference_path = parameters.path("reference")
    targets, device = parameters.texts("targets"), parameters.text("device", "auto")
    settings = parameters.settings(SynthesisSettings)
    parameters.finish()
    if sweep is not None and "us" in paths:
        raise InputError("An ultrasound volume and a sweep were given; choose one of them.")
    context.progress(0.0, LOADING)
    bundle, warm = context.bundles.load(bundle_path)
    check_request(bundle.network.config, {*paths, "us"} if sweep is not None else {*paths}, targets)
    chosen = choose_device(device)
    inputs = _read(paths, context)
    reference = read_volume(reference_path, "reference") if reference_path else None
    progress, reconstruction = context.progress, None
    if sweep is not None:
        compounded, reconstruction = reconstructed(sweep, context, part_of(context.progress, 0, RECONSTRUCTED))
        inputs["us"], progress = compounded.volume, part_of(context.progress, RECONSTRUCTED, 1)
    result = synthesize(
        bundle, inputs, targets, settings=settings, device=str(chosen), reference=reference, progress=progress
    )
    images, uncertainty = _written(result, context)
    return SynthesisAnswer(
        images=images,
        uncertainty=uncertainty,
        field_of_view=context.write(result.field_of_view, "field-of-view"),
        reconstruction=reconstruction,
        bundle=bundle.manifest.name,
        weights_sha256=bundle.manifest.weights_sha256,
        warm=warm,
        device=result.device,
        precision=result.precision,
        seconds=result.seconds,
        notice=MEMORY_FULL if torch.device(result.device).type != chosen.type else "",
        settings=settings,
    )


def _read(paths: Mapping[str, Path], context: Context) -> dict[str, sitk.Image]:
    """The images of files; a cancelled request ends between two of them."""
    images = {}
    for name, path in paths.items():
        context.progress(0.0, READING)
        images[name] = read_volume(path, f"{name} image")
    return images


def _written(result: SynthesisResult, context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """The paths of images and uncertainties on disk; a cancelled request ends between two of them."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for paths, images, suffix in zip(found, (result.images, result.uncertainty), ("", "-uncertainty"), strict=True):
        for name, image in images.items():
            context.progress(1.0, WRITING)
            paths[name] = context.write(image, f"{name}{suffix}")
    return found

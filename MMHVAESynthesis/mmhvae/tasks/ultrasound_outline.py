"""What the engine does to outline a tumour in an ultrasound, and to compare that with the registered outline."""

from __future__ import annotations

import functools

import SimpleITK as sitk

from ..answers import SegmentAnswer, UltrasoundOutlineAnswer
from ..bundle import bundle_at
from ..compute import MEMORY_FULL, choose_device
from ..images import read_volume
from ..overlays import compare_outlines, overlay, read_segmentation
from ..segmentation import ULTRASOUND_SEGMENT, load_ultrasound_segmenter, outline_ultrasound
from ..settings import OutlineSettings
from .context import Context
from .model_cache import ModelCache
from .parameters import Parameters

LOADING, READING, COMPARING, WRITING = (
    "loading the segmenter",
    "reading the images",
    "comparing with the registered outline",
    "writing the outline",
)


_warm = ModelCache(load_ultrasound_segmenter, most=1)


def run_outline_ultrasound(parameters: Parameters, context: Context) -> UltrasoundOutlineAnswer:
    """Label map and uncertainty of an "ultrasound" on its grid.

    "bundle": the segmenter's folder, zip, or name among the installed ones.
    "compare_with": files of label maps, by any names, that together are another outline, where they lie now.
    """
    path, name = parameters.required_path("ultrasound"), parameters.required_path("bundle")
    other_paths, device = parameters.paths("compare_with"), parameters.text("device", "auto")
    settings = parameters.settings(OutlineSettings)
    parameters.finish()
    context.progress(0.0, LOADING)
    segmenter, _was_warm = _warm.load(bundle_at(name))
    chosen = choose_device(device)
    context.progress(0.0, READING)
    image = read_volume(path, "ultrasound")
    others = [read_segmentation(path).mask for path in other_paths.values()]
    result = outline_ultrasound(image, segmenter, settings=settings, device=str(chosen), progress=context.progress)
    agreement = None
    if others:
        context.progress(1.0, COMPARING)
        here = [overlay(other, sitk.Transform(3, sitk.sitkIdentity), result.labels)[0] for other in others]
        agreement = compare_outlines(result.labels, functools.reduce(sitk.Or, here), result.field_of_view)
    context.progress(1.0, WRITING)
    kind = ULTRASOUND_SEGMENT
    return UltrasoundOutlineAnswer(
        labels=context.write(result.labels, "us-outline"),
        uncertainty=context.write(result.uncertainty, "us-outline-uncertainty"),
        segment=SegmentAnswer(kind.value, kind.name, kind.colour, kind.code),
        volume_ml=result.volume_ml,
        agreement=agreement,
        bundle=segmenter.manifest.name,
        weights_sha256=segmenter.manifest.weights_sha256,
        device=result.device,
        seconds=result.seconds,
        notice=MEMORY_FULL if result.device != str(chosen) else "",
        settings=settings,
    )

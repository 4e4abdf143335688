"""What the engine does to outline a tumour: files of MRs become a label map and its uncertainty."""

from __future__ import annotations

from ..answers import SegmentAnswer, SegmentationAnswer
from ..bundle import ModelKind, bundle_at
from ..compute import MEMORY_FULL, choose_device
from ..images import read_volume
from ..segmentation import SEGMENTS, load_segmenter, segment_tumour
from ..settings import SegmentationSettings
from .context import Context
from .model_cache import ModelCache
from .parameters import Parameters

LOADING, READING, WRITING = "loading the segmenter", "reading the images", "writing the outline"


_warm = ModelCache(load_segmenter, most=1)


def run_segment(parameters: Parameters, context: Context) -> SegmentationAnswer:
    """Labels and uncertainty of MRs by files ("inputs", paths by contrast), on the grid of "reference" or the first.

    "bundle": the segmenter's folder, zip, or name among the installed ones; by default the one that ships.
    "extractor": the brain extractor's, likewise.
    """
    paths, name = parameters.paths("inputs"), parameters.path("bundle")
    reference_path, mask_path = parameters.path("reference"), parameters.path("brain_mask")
    extractor = parameters.path("extractor")
    device, settings = parameters.text("device", "auto"), parameters.settings(SegmentationSettings)
    parameters.finish()
    context.progress(0.0, LOADING)
    bundle, _was_warm = _warm.load(bundle_at(name, ModelKind.MR_SEGMENTER))
    chosen, images = choose_device(device), {}
    for contrast, path in paths.items():
        context.progress(0.0, READING)
        images[contrast] = read_volume(path, f"{contrast} image")
    result = segment_tumour(
        images,
        bundle,
        read_volume(reference_path, "reference") if reference_path else None,
        read_volume(mask_path, "brain mask") if mask_path else None,
        extractor=extractor,
        settings=settings,
        device=str(chosen),
        progress=context.progress,
    )
    context.progress(1.0, WRITING)
    return SegmentationAnswer(
        labels=context.write(result.labels, "outline"),
        uncertainty=context.write(result.uncertainty, "outline-uncertainty"),
        segments=tuple(SegmentAnswer(kind.value, kind.name, kind.colour, kind.code) for kind in SEGMENTS),
        volumes_ml=result.volumes_ml,
        modalities=result.modalities,
        within=result.within,
        bundle=bundle.manifest.name,
        weights_sha256=bundle.manifest.weights_sha256,
        device=result.device,
        seconds=result.seconds,
        notice=MEMORY_FULL if result.device != str(chosen) else "",
        settings=settings,
    )

"""What the engine does to outline a tumour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from ..compute import MEMORY_FULL
from ..images import read_volume
from ..segmentation import SEGMENTS, SegmentationSettings, SegmenterBundle, load_segmenter, segment_tumour
from .context import Answer, Context
from .parameters import Parameters

LOADING, READING, WRITING = "loading the segmenter", "reading the images", "writing the outline"


class WarmSegmenter:
    """The segmenter that was used last."""

    def __init__(self) -> None:
        self._name = ""
        self._bundle: SegmenterBundle | None = None

    def load(self, name: str) -> SegmenterBundle:
        """The segmenter of that name or path."""
        if self._bundle is None or name != self._name:
            self._bundle, self._name = load_segmenter(name), name
        return self._bundle


_warm = WarmSegmenter()


def run_segment(parameters: Parameters, context: Context) -> Answer:
    """Labels and uncertainty of MRs by files ("inputs", paths by contrast), on the grid of "reference" or the first."""
    defaults = SegmentationSettings()
    paths, name = parameters.paths("inputs"), parameters.text("bundle", "segmenter")
    reference_path, mask_path = parameters.path("reference"), parameters.path("brain_mask")
    settings = SegmentationSettings(
        parameters.whole("flips", defaults.flips),
        parameters.number("smallest_piece_ml", defaults.smallest_piece_ml),
        parameters.number("overlap", defaults.overlap),
        parameters.text("device", defaults.device),
    )
    parameters.finish()
    context.progress(0.0, LOADING)
    bundle = _warm.load(name)
    images = {}
    for contrast, path in paths.items():
        context.progress(0.0, READING)
        images[contrast] = read_volume(path, f"{contrast} image")
    reference = read_volume(reference_path, "reference") if reference_path else None
    mask = read_volume(mask_path, "brain mask") if mask_path else None
    result = segment_tumour(images, bundle, reference, mask, settings, context.progress)
    context.progress(1.0, WRITING)
    fell_back = settings.device not in ("auto", "cpu") and result.device == "cpu"
    return {
        "labels": context.write(result.labels, "outline"),
        "uncertainty": context.write(result.uncertainty, "outline-uncertainty"),
        "segments": [asdict(kind) for kind in SEGMENTS],
        "volumes_ml": result.volumes_ml,
        "modalities": list(result.modalities),
        "bundle": bundle.manifest.name,
        "weights_sha256": bundle.manifest.weights_sha256,
        "settings": asdict(settings),
        "device": result.device,
        "seconds": result.seconds,
        "notice": MEMORY_FULL if fell_back else "",
    }


SEGMENTATION_TASKS: Mapping[str, Callable[[Parameters, Context], Answer]] = {"segment": run_segment}

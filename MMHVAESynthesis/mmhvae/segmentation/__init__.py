"""Tumours outlined in whichever MRs there are: T1, ceT1, T2, FLAIR, of a whole head or a brain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bundle import SegmenterBundle, SegmenterManifest, load_segmenter, save_segmenter
    from .segments import SEGMENTS, as_segmentation
    from .settings import SegmentationSettings
    from .tumour import TumourOutline, segment_tumour

__all__ = [
    "SEGMENTS",
    "SegmentationSettings",
    "SegmenterBundle",
    "SegmenterManifest",
    "TumourOutline",
    "as_segmentation",
    "load_segmenter",
    "save_segmenter",
    "segment_tumour",
]

_HOMES = {
    "bundle": ("SegmenterBundle", "SegmenterManifest", "load_segmenter", "save_segmenter"),
    "segments": ("SEGMENTS", "as_segmentation"),
    "settings": ("SegmentationSettings",),
    "tumour": ("TumourOutline", "segment_tumour"),
}
_LAZY = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)

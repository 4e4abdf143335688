"""The segmenter's small patients."""

from __future__ import annotations

from ..segmentation.conftest import brats

__all__ = ["brats"]

"""Segmentations that move along, and their export onto the ultrasound's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .overlay_inputs import segment_fingerprints as segment_fingerprints
    from .overlay_loading import show_overlay as show_overlay
    from .overlays_panel import OverlaysPanel as OverlaysPanel
    from .segment_labels import image_at as image_at, label_layers as label_layers
else:
    __getattr__ = lazy_names(__name__, __file__)

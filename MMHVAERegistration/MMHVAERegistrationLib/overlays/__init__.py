"""Segmentations that move along, and their export onto the ultrasound's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .overlay_loading import show_overlay as show_overlay
    from .overlays_panel import OverlaysPanel as OverlaysPanel
else:
    __getattr__ = lazy_names(__name__, __file__)

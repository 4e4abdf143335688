"""The live view: frames of a stream, synthesised as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .live_panel import LivePanel as LivePanel
else:
    __getattr__ = lazy_names(__name__, __file__)

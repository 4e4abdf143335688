"""Before and after in the views: faded, in squares, with outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .comparison import Comparison as Comparison, outlined as outlined
else:
    __getattr__ = lazy_names(__name__, __file__)

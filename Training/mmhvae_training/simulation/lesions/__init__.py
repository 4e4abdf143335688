"""Lesions that are invented, what they push aside, and whether they can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .cyst import Cyst as Cyst, draw_cyst as draw_cyst, insert_cyst as insert_cyst
    from .lesion_shape import draw_site as draw_site
    from .mass_effect import displaced_by as displaced_by
    from .tumour import Tumour as Tumour, draw_tumour as draw_tumour, insert_tumour as insert_tumour
    from .visible_contrast import roc_area as roc_area, visibility as visibility
else:
    __getattr__ = lazy_names(__name__, __file__)

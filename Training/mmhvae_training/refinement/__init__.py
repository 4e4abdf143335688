"""Training of the refinement: syntheses made once and kept, losses, the method, and the bundle that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .bundles import refined_bundle as refined_bundle
    from .configuration import (
        CosineConfig as CosineConfig,
        RefinementLossConfig as RefinementLossConfig,
        RefinementRun as RefinementRun,
        SynthesesConfig as SynthesesConfig,
    )
    from .losses import refinement_losses as refinement_losses
    from .refinement_method import RefinementMethod as RefinementMethod, new_refinement as new_refinement
    from .syntheses import Patches as Patches, draw_patches as draw_patches, make_syntheses as make_syntheses
else:
    __getattr__ = lazy_names(__name__, __file__)

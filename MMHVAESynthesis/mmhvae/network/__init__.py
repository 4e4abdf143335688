"""The network MMHVAE: experts, cells, model; prepared for inference; noise, tiles; the refinement behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .batches import (
        fitting_slices as fitting_slices,
        slices_per_batch as slices_per_batch,
        slices_per_thread as slices_per_thread,
    )
    from .cells import EXPANSION as EXPANSION, activated as activated
    from .experts import DiagonalGaussian as DiagonalGaussian, product_of_experts as product_of_experts
    from .inference import computing as computing, prepared as prepared
    from .model import (
        BACKGROUND as BACKGROUND,
        MMHVAE as MMHVAE,
        Encoding as Encoding,
        FinerLevel as FinerLevel,
        MMHVAEConfig as MMHVAEConfig,
        UnimodalEncoder as UnimodalEncoder,
    )
    from .noise import VolumeNoise as VolumeNoise, draw_noise as draw_noise
    from .refinement import Refinement as Refinement, RefinementConfig as RefinementConfig
    from .tiles import TileLayout as TileLayout
else:
    __getattr__ = lazy_names(__name__, __file__)

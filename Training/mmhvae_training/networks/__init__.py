"""The core's network as training runs it, and its ablations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .depthwise import speed_up_on_cpu as speed_up_on_cpu
    from .shared_experts import SharedExpertMMHVAE as SharedExpertMMHVAE
    from .small_volumes import keep_small_volumes_exact as keep_small_volumes_exact
    from .variants import build_network as build_network
else:
    __getattr__ = lazy_names(__name__, __file__)

"""A run as a bundle for others: its model card, and MONAI's form of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .card import model_card as model_card, read_card as read_card
    from .monai_bundle import write_monai_bundle as write_monai_bundle
else:
    __getattr__ = lazy_names(__name__, __file__)

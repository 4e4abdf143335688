"""Training of the network that finds the brain in an MR of a head: heads drawn around skull-stripped brains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .brain_configuration import BrainConfiguration as BrainConfiguration
    from .brain_method import BrainMethod as BrainMethod, new_extractor as new_extractor
else:
    __getattr__ = lazy_names(__name__, __file__)

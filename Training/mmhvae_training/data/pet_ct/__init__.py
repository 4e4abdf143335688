"""PET and CT: studies as AutoPET, nnU-Net and The Cancer Imaging Archive have them -> folders that training reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .layouts import LAYOUTS as LAYOUTS, find_studies as find_studies
    from .preparation import prepare_studies as prepare_studies
    from .study import Study as Study, shared_out as shared_out
else:
    __getattr__ = lazy_names(__name__, __file__)

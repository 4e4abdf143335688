"""The tumour outlined by the engine in the pre-operative MRs: asked for, run, and kept in the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .outline_inputs import outlines as outlines, ultrasound_outlines as ultrasound_outlines
    from .outline_run import Outlined as Outlined, OutlineRun as OutlineRun
    from .outline_section import OutlineSection as OutlineSection
    from .ultrasound_outline_section import UltrasoundOutlineSection as UltrasoundOutlineSection
else:
    __getattr__ = lazy_names(__name__, __file__)

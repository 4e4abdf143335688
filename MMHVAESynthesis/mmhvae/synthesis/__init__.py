"""Synthesis: volumes in, volumes out; frame by frame; live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .frame_synthesis import synthesize_frames as synthesize_frames
    from .live_synthesis import LiveSynthesis as LiveSynthesis
    from .preparation import PreparedCase as PreparedCase
    from .synthesis import (
        SynthesisResult as SynthesisResult,
        check_request as check_request,
        sample_volumes as sample_volumes,
        synthesize as synthesize,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

"""Tumours outlined in whichever MRs there are: T1, ceT1, T2, FLAIR, of a whole head or a brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .bundle import (
        SegmenterBundle as SegmenterBundle,
        SegmenterManifest as SegmenterManifest,
        load_segmenter as load_segmenter,
        save_segmenter as save_segmenter,
    )
    from .grey_levels import GreyLevels as GreyLevels, measure_grey_levels as measure_grey_levels
    from .network import (
        REGIONS as REGIONS,
        TumourUNet as TumourUNet,
        UNetConfig as UNetConfig,
        log_probabilities as log_probabilities,
    )
    from .segments import SEGMENTS as SEGMENTS, as_segmentation as as_segmentation, terminology as terminology
    from .tumour import TumourOutline as TumourOutline, segment_tumour as segment_tumour
else:
    __getattr__ = lazy_names(__name__, __file__)

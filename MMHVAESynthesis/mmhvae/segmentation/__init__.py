"""Tumours outlined in whichever MRs there are (T1, ceT1, T2, FLAIR, a whole head or a brain), and in ultrasound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .brain import find_brain as find_brain
    from .brain_bundle import (
        BrainExtractor as BrainExtractor,
        BrainManifest as BrainManifest,
        load_brain_extractor as load_brain_extractor,
        save_brain_extractor as save_brain_extractor,
    )
    from .bundle import (
        MODALITIES as MODALITIES,
        SegmenterBundle as SegmenterBundle,
        SegmenterManifest as SegmenterManifest,
        load_segmenter as load_segmenter,
        save_segmenter as save_segmenter,
    )
    from .grey_levels import GreyLevels as GreyLevels, measure_grey_levels as measure_grey_levels
    from .model_installation import install_model as install_model, load_model as load_model
    from .network import (
        REGIONS as REGIONS,
        TumourUNet as TumourUNet,
        UNetConfig as UNetConfig,
        log_probabilities as log_probabilities,
    )
    from .plain_plan import plain_architecture as plain_architecture
    from .plain_unet import PlainUNet as PlainUNet, PlainUNetConfig as PlainUNetConfig
    from .segments import (
        SEGMENTS as SEGMENTS,
        ULTRASOUND_SEGMENT as ULTRASOUND_SEGMENT,
        as_segmentation as as_segmentation,
        terminology as terminology,
    )
    from .tumour import TumourOutline as TumourOutline, segment_tumour as segment_tumour
    from .ultrasound_bundle import (
        ImageRules as ImageRules,
        Over as Over,
        UltrasoundManifest as UltrasoundManifest,
        UltrasoundSegmenter as UltrasoundSegmenter,
        load_ultrasound_segmenter as load_ultrasound_segmenter,
        save_ultrasound_segmenter as save_ultrasound_segmenter,
    )
    from .ultrasound_outline import (
        UltrasoundOutline as UltrasoundOutline,
        outline_ultrasound as outline_ultrasound,
        seen_by as seen_by,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)

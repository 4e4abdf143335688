"""MMHVAE: synthesis of missing brain images, and rigid registration through them.

What users call is loaded when first used, so that ``import mmhvae`` stays cheap for programs that only need a name
or a version.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Must be set before torch is imported: OpenMP threads that spin while waiting slow shared cores down tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .exceptions import Cancelled as Cancelled, InputError as InputError, InputNotice as InputNotice
from .faces import lazy_names
from .version import __version__ as __version__

if TYPE_CHECKING:
    from .bundle import list_bundles as list_bundles, load_bundle as load_bundle
    from .overlays import overlay as overlay
    from .registration import register_case as register_case, register_rigid as register_rigid
    from .segmentation import outline_ultrasound as outline_ultrasound, segment_tumour as segment_tumour
    from .settings import (
        LiveSettings as LiveSettings,
        OutlineSettings as OutlineSettings,
        PosePrior as PosePrior,
        ReconstructionSettings as ReconstructionSettings,
        RegistrationSettings as RegistrationSettings,
        SegmentationSettings as SegmentationSettings,
        SynthesisSettings as SynthesisSettings,
    )
    from .sweep import read_calibration as read_calibration, read_sweep as read_sweep, reconstruct as reconstruct
    from .synthesis import synthesize as synthesize
else:
    __getattr__ = lazy_names(__name__, __file__)

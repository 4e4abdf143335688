"""Is a simulated ultrasound volume told from a real one, and by what: features, a classifier, a table, a figure."""

from .classifier import Separation, separate
from .features import PATCH_FEATURES, VOLUME_FEATURES, maps, patch_features, volume_features
from .scan import Scan, scan

__all__ = [
    "PATCH_FEATURES",
    "VOLUME_FEATURES",
    "Scan",
    "Separation",
    "maps",
    "patch_features",
    "scan",
    "separate",
    "volume_features",
]

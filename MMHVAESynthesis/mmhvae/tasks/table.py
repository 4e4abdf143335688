"""All that the engine can be asked to do, by name; each task takes parameters, and writes its images into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fields import Record
from .context import Context
from .live import run_live_frame
from .models import run_download_weights, run_install_weights, run_load
from .overlay import run_overlay
from .parameters import Parameters
from .reconstruction import run_reconstruct
from .registration import run_register_case
from .segmentation import run_segment
from .self_test import run_self_test
from .synthesis import run_synthesize
from .ultrasound_outline import run_outline_ultrasound

TASKS: Mapping[str, Callable[[Parameters, Context], Record]] = {
    "load": run_load,
    "synthesize": run_synthesize,
    "reconstruct": run_reconstruct,
    "register_case": run_register_case,
    "overlay": run_overlay,
    "segment": run_segment,
    "outline_ultrasound": run_outline_ultrasound,
    "live_frame": run_live_frame,
    "install_weights": run_install_weights,
    "download_weights": run_download_weights,
    "self_test": run_self_test,
}

"""The main job on the shipped case, and the figure that tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .figure import can_draw as can_draw
    from .main_job import run_demo as run_demo, summary_table as summary_table
else:
    __getattr__ = lazy_names(__name__, __file__)

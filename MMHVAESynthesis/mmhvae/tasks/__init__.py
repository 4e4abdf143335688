"""What the engine does for its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .context import BundleCache as BundleCache, Context as Context
    from .parameters import Parameters as Parameters
    from .streams import LiveStreams as LiveStreams
    from .table import TASKS as TASKS
else:
    __getattr__ = lazy_names(__name__, __file__)

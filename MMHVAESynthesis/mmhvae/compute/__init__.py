"""What computes: devices, their memory, and the heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .devices import (
        choose_device as choose_device,
        free_memory as free_memory,
        full_precision as full_precision,
        half_precision as half_precision,
    )
    from .heap import give_back as give_back, kept_heap as kept_heap
    from .memory_ladder import MEMORY_FULL as MEMORY_FULL, where_it_fits as where_it_fits
    from .threads import Still as Still, side_by_side as side_by_side
else:
    __getattr__ = lazy_names(__name__, __file__)

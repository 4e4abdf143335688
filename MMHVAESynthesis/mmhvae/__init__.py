"""MMHVAE: synthesis of missing brain images, and rigid registration through them.

The three entry points are loaded when first used, so that ``import mmhvae`` stays cheap for programs
that only need a name or a version.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Must be set before torch is imported: OpenMP threads that spin while waiting slow shared cores down tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .exceptions import Cancelled, InputError
from .version import __version__

if TYPE_CHECKING:
    from .bundle import load_bundle
    from .registration.rigid import register_rigid
    from .synthesis import synthesize

__all__ = ["Cancelled", "InputError", "__version__", "load_bundle", "register_rigid", "synthesize"]

_LAZY = {"load_bundle": ".bundle", "synthesize": ".synthesis", "register_rigid": ".registration.rigid"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)

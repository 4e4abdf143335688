"""Rigid registration of a pre-operative image to the field of view of an intra-operative one, and its error (TRE).

The names below are loaded when first used: transforms and landmarks need no torch, and Slicer must not import it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .channels import Channel
    from .prior import PosePrior
    from .problem import RigidProblem
    from .rigid import RigidResult, register_channels, register_lc2, register_problem, register_rigid
    from .trust import Trust, assess

__all__ = [
    "Channel",
    "PosePrior",
    "RigidProblem",
    "RigidResult",
    "Trust",
    "assess",
    "register_channels",
    "register_lc2",
    "register_problem",
    "register_rigid",
]

_LAZY = {
    "Channel": ".channels",
    "PosePrior": ".prior",
    "RigidProblem": ".problem",
    "Trust": ".trust",
    "assess": ".trust",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY.get(name, ".rigid"), __name__), name)

"""Simulated co-registered cases: a tracked ultrasound sweep, its volume, T2, contrast-enhanced T1, FLAIR and labels."""

from .acquisition.acquisition import AcquiredSweep
from .anatomy import Label
from .case import CaseParameters, SimulatedCase, acquire_case, draw_case, render_case, simulate_case
from .displacement import displace
from .landmarks import landmarks

__all__ = [
    "AcquiredSweep",
    "CaseParameters",
    "Label",
    "SimulatedCase",
    "acquire_case",
    "displace",
    "draw_case",
    "landmarks",
    "render_case",
    "simulate_case",
]

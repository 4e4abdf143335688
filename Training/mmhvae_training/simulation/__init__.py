"""Simulated co-registered cases: intra-operative ultrasound, T2, contrast-enhanced T1 and FLAIR, with labels."""

from .anatomy import Label
from .case import CaseParameters, SimulatedCase, draw_case, render_case, simulate_case
from .displacement import displace
from .landmarks import landmarks

__all__ = [
    "CaseParameters",
    "Label",
    "SimulatedCase",
    "displace",
    "draw_case",
    "landmarks",
    "render_case",
    "simulate_case",
]

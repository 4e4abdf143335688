"""Simulated co-registered cases: a tracked ultrasound sweep, its volume, T2, contrast-enhanced T1, FLAIR and labels."""

from .acquisition import AcquiredSweep
from .displacement import displace
from .landmarks import landmarks
from .real_head import RealHead, head_folders, load_real_head
from .simulated_case import CaseParameters, SimulatedCase, acquire_case, draw_case, render_case, simulate_case
from .tissues import Label

__all__ = [
    "AcquiredSweep",
    "CaseParameters",
    "Label",
    "RealHead",
    "SimulatedCase",
    "acquire_case",
    "displace",
    "draw_case",
    "head_folders",
    "landmarks",
    "load_real_head",
    "render_case",
    "simulate_case",
]

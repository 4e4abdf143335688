"""Short arcs across the beam, in clusters: small vessels and fibres that happen to face the probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..fields import smooth_field
from ..geometry import Array
from .beam_space import BeamSpace


@dataclass(frozen=True)
class Streaks:
    """Lengths are standard deviations in mm."""

    strength: float  # relative to the tissue's own scattering
    length: float  # across the beam
    thickness: float  # along the beam
    rarity: float  # standard deviations above which noise becomes a streak
    clustering: float  # spread (log) of their strength from place to place
    seed: int


def draw_streaks(draws: Draws) -> Streaks:
    """Draw how many arcs there are and how they look."""
    return Streaks(
        strength=float(np.exp(draws.reserved(np.log(0.8), np.log(6)))),
        length=draws.reserved(0.6, 1.7),
        thickness=draws.reserved(0.1, 0.26),
        rarity=draws.rng.uniform(0.9, 1.9),
        clustering=draws.rng.uniform(0.5, 1.1),
        seed=int(draws.rng.integers(2**31)),
    )


def across_beam(streaks: Streaks, space: BeamSpace) -> Array:
    """Noise (E, L, R) of zero mean and unit variance on the lattice, drawn out across the beams."""
    elevation, lateral, axial = space.step
    noise = np.random.default_rng(streaks.seed).standard_normal(space.shape, dtype=np.float32)
    width = (0.8 * streaks.length / elevation, streaks.length / lateral, streaks.thickness / axial)
    noise = ndimage.gaussian_filter(noise, width, truncate=2.5)
    return np.asarray(noise / noise.std(), np.float32)


def streak_field(streaks: Streaks, space: BeamSpace, noise: Array) -> Array:
    """Coherent amplitude (E, L, R) on the lattice, relative to the tissue's scattering, of :func:`across_beam`."""
    elevation, lateral, axial = space.step
    clusters = smooth_field(streaks.seed + 1, space.shape, [9 / elevation, 9 / lateral, 9 / axial])
    above = np.maximum(noise - np.float32(streaks.rarity), 0)
    return np.asarray(streaks.strength * np.exp(streaks.clustering * clusters - 0.3) * above, np.float32)

"""Shadows over unchanged anatomy: no contact or air at the face, edges of bone, clips and bubbles at depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..fields import sigmoid
from ..geometry import Array

#: Probability of no, one, two, ... shadows.
_NUMBER = (0.3, 0.3, 0.2, 0.12, 0.08)


@dataclass(frozen=True)
class Shadow:
    """One shadow; positions and widths relative to half the sweep and half the sector."""

    elevation: float
    lateral: float
    width: float
    length: float  # of its elevational extent, relative to the width
    depth: float  # where it begins, mm
    transmission: float  # amplitude left in it
    softness: float  # of its edge, relative to the width


@dataclass(frozen=True)
class EdgeLoss:
    """Fading of the outermost beams, of which the array's aperture sees only a half."""

    width: float  # relative to half the sector
    transmission: float


def draw_shadows(draws: Draws) -> tuple[Shadow, ...]:
    """Draw none to four shadows."""
    return tuple(_draw_shadow(draws) for _ in range(int(draws.rng.choice(len(_NUMBER), p=_NUMBER))))


def _draw_shadow(draws: Draws) -> Shadow:
    rng = draws.rng
    at_face = rng.random() < 0.6
    return Shadow(
        elevation=rng.uniform(-1, 1),
        lateral=float(rng.choice([rng.uniform(-1, 1), rng.choice([-1, 1]) * rng.uniform(0.8, 1.1)])),
        width=draws.reserved(0.05, 0.45),
        length=float(np.exp(rng.uniform(0, 2))),
        depth=0.0 if at_face else rng.uniform(4, 40),
        transmission=draws.reserved(0.05, 0.6),
        softness=rng.uniform(0.08, 0.35),
    )


def draw_edge_loss(draws: Draws) -> EdgeLoss:
    """Draw how much the sector's edges fade."""
    return EdgeLoss(draws.reserved(0.03, 0.25), draws.reserved(0.2, 1.0))


def cast(shadows: tuple[Shadow, ...], elevation: Array, lateral: Array, depth: Array) -> Array:
    """Amplitude left by the shadows at relative ``elevation`` and ``lateral`` (N, L) and ``depth`` mm (R,)."""
    factor = np.ones((*elevation.shape, len(depth)), np.float32)
    for shadow in shadows:
        u, v = (elevation - shadow.elevation) / shadow.length, lateral - shadow.lateral
        beyond = np.hypot(u, v) / shadow.width
        across, along = sigmoid((1 - beyond) / shadow.softness), sigmoid((depth - shadow.depth) / 0.8)
        factor *= 1 - np.float32(1 - shadow.transmission) * across[..., None] * along
    return factor


def edge_loss(loss: EdgeLoss, lateral: Array) -> Array:
    """Amplitude factor of beams at relative ``lateral`` position, -1 to 1."""
    return 1 - np.float32(1 - loss.transmission) * np.exp(-(1 - np.abs(lateral)) / np.float32(loss.width))

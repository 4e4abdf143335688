"""How strongly each tissue scatters, and the sheets (pia, vessels in sulci) that answer from every side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array
from ..tissues import share_of, values, weighted


@dataclass(frozen=True)
class Echogenicity:
    """Relative amplitudes."""

    echo: dict[str, float]
    texture: float  # spread (log) within a tissue
    sheet: float  # of pia and vessels in sulci
    sharpness: float  # exponent by which sheets are thinner than the fluid about them
    visibility: float  # spread (log) of the sheets' strength from place to place
    roughness: float  # and over fractions of a mm, as fibres and vessels have it


def draw_echogenicity(draws: Draws) -> Echogenicity:
    """Draw the tissues' echoes; in a third of the cases necrosis is fluid."""
    rng = draws.rng
    echo = {tissue: float(value * np.exp(rng.normal(0, 0.12))) for tissue, value in values("echo").items()}
    if rng.random() < 0.3:
        echo["necrosis"] = rng.uniform(0.05, 0.3)
    lesion = float(np.exp(rng.normal(0.1, 0.2)))
    echo |= {tissue: echo[tissue] * lesion for tissue in ("core", "rim")}
    return Echogenicity(
        echo=echo,
        texture=draws.reserved(0.05, 0.25),
        sheet=float(np.exp(draws.reserved(np.log(3), np.log(8)))),
        sharpness=rng.uniform(1.3, 3.2),
        visibility=draws.reserved(0.2, 0.8),
        roughness=draws.reserved(0.1, 0.6),
    )


def scattering(echogenicity: Echogenicity, tissue: Array, texture: Array) -> Array:
    """Amplitude of diffuse scatterers for shares (C, ...) and a smooth field of unit variance (...)."""
    return weighted(echogenicity.echo, tissue) * np.exp(np.float32(echogenicity.texture) * texture)


def sheets(echogenicity: Echogenicity, tissue: Array) -> Array:
    """Coherent amplitude of pia and vessels, thinner than the sulcal fluid they lie in."""
    fluid = np.clip(np.float32(1.4) * share_of(tissue, "sulcal"), 0, 1)
    return np.asarray(echogenicity.sheet * fluid ** np.float32(echogenicity.sharpness), np.float32)

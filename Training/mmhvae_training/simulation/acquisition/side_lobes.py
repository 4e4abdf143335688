"""Side lobes: with depth, aberration throws energy out of the main beam, and what comes back is a mean of the region.

Structure fades into an even haze of the same speckle, the more, the deeper it lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class SideLobes:
    """``share`` of the energy outside the main lobe at the last depth; it grows as depth to the power ``growth``;
    ``reach`` across the beam, standard deviation in mm."""

    share: float
    growth: float
    reach: float


def draw_side_lobes(draws: Draws) -> SideLobes:
    """Draw how much the tissue above aberrates the beam."""
    return SideLobes(draws.reserved(0.05, 0.6), draws.reserved(1.0, 3.0), draws.reserved(2, 6))


def spread_out(
    lobes: SideLobes, scattering: Array, coherent: Array, depth: Array, lateral_step: Array
) -> tuple[Array, Array]:
    """Scattering and coherent amplitude (N, L, R) as the aberrated beam sees them.

    Args:
        lobes: drawn parameters.
        scattering, coherent: amplitudes (N, L, R); only the scattering comes back as haze.
        depth: of the samples, mm, (R,).
        lateral_step: between beams, mm, (R,).
    """
    outside = np.asarray(lobes.share * (depth / depth[-1]) ** lobes.growth, np.float32)
    middle = float(lateral_step[len(lateral_step) * 2 // 3])
    axial_step = float(depth[1] - depth[0])
    # Every other frame's, beam's and sample's neighbourhood is alike: half the reach along the beam, too.
    width = (0, lobes.reach / middle, 0.5 * lobes.reach / axial_step)
    haze = ndimage.gaussian_filter(scattering, width, truncate=2)
    return scattering + outside * (haze - scattering), coherent * (1 - outside)

"""The frames of a sweep in beam coordinates: every effect in the order in which it acts on the echo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..fields import smooth_field
from ..geometry import Array
from .array import Beams, TransducerArray
from .attenuation import Attenuation, draw_attenuation, transmitted
from .beam_space import BeamSpace
from .compression import Compression, compress, draw_compression
from .echogenicity import Echogenicity, draw_echogenicity, scattering, sheets
from .impedance import Reflection, draw_reflection, reflections
from .point_spread import PointSpread, draw_point_spread
from .receiver import Receiver, draw_receiver, frame_gains, with_noise
from .reverberation import Reverberation, draw_reverberation, surface_echo
from .shadows import EdgeLoss, Shadow, cast, draw_edge_loss, draw_shadows, edge_loss
from .speckle import Speckle, draw_speckle, envelope, psf_samples, scatterers
from .streaks import Streaks, across_beam, draw_streaks, streak_field
from .time_gain import TimeGain, draw_time_gain, gain


@dataclass(frozen=True)
class Ultrasound:
    """Drawn settings of the scanner and echoes of the tissues, one member an effect."""

    echogenicity: Echogenicity
    reflection: Reflection
    streaks: Streaks
    point_spread: PointSpread
    speckle: Speckle
    attenuation: Attenuation
    time_gain: TimeGain
    shading: float  # spread (log) of slow unevenness
    shadows: tuple[Shadow, ...]
    edge_loss: EdgeLoss
    receiver: Receiver
    reverberation: Reverberation
    compression: Compression
    seed: int


def draw_ultrasound(draws: Draws, array: TransducerArray) -> Ultrasound:
    """Draw every effect's parameters for a given array."""
    attenuation = draw_attenuation(draws)
    return Ultrasound(
        echogenicity=draw_echogenicity(draws),
        reflection=draw_reflection(draws),
        streaks=draw_streaks(draws),
        point_spread=draw_point_spread(draws, array.far),
        speckle=draw_speckle(draws),
        attenuation=attenuation,
        time_gain=draw_time_gain(draws, attenuation.decibel),
        shading=draws.reserved(0.05, 0.3),
        shadows=draw_shadows(draws),
        edge_loss=draw_edge_loss(draws),
        receiver=draw_receiver(draws),
        reverberation=draw_reverberation(draws),
        compression=draw_compression(draws),
        seed=int(draws.rng.integers(2**31)),
    )


def bmode(settings: Ultrasound, array: TransducerArray, sampling: Beams, space: BeamSpace, tissue: Array) -> Array:
    """Grey levels (N, L, R), 0 to 255, of the tissues' shares (C, N, L, R) at the frames' samples."""
    depth = sampling.depth
    axial_step = float(depth[1] - depth[0])
    phases, coherent, scatter = _sources(settings, space, tissue, axial_step)
    lateral_step = (sampling.angle[1] - sampling.angle[0]) * (depth + np.float32(array.radius))
    widths = psf_samples(settings.point_spread, depth, lateral_step)
    amplitude = envelope(settings.speckle, phases, scatter, coherent, widths)
    amplitude *= transmitted(settings.attenuation, tissue, axial_step)
    amplitude *= _gains(settings, space, depth)
    frames, lines = amplitude.shape[:2]
    typical = float(np.median(amplitude))
    amplitude = with_noise(settings.receiver, amplitude, typical, depth)
    amplitude += np.float32(typical) * surface_echo(settings.reverberation, frames, lines, depth)
    return compress(settings.compression, amplitude, float(np.median(amplitude)))


def _sources(settings: Ultrasound, space: BeamSpace, tissue: Array, axial_step: float) -> tuple[Array, Array, Array]:
    """Scatterers (2, N, L, R), coherent echo and scattering amplitude (N, L, R) before the point-spread function."""
    coarse = [6 / step for step in space.step]
    texture, place = (smooth_field(settings.seed + n, space.shape, coarse) for n in range(2))
    finer = smooth_field(settings.seed + 2, space.shape, [2 / step for step in space.step])
    fields = scatterers(settings.speckle, space, settings.point_spread)
    fibres = across_beam(settings.streaks, space)
    patches = place + np.float32(0.8) * finer - np.float32(0.3)
    fields += [texture + finer, streak_field(settings.streaks, space, fibres), patches, fibres]
    seen = space.look_up(fields)
    echogenicity = settings.echogenicity
    uneven = np.exp(np.float32(echogenicity.visibility) * seen[4] + np.float32(echogenicity.roughness) * seen[5])
    scatter = scattering(settings.echogenicity, tissue, seen[2])
    coherent = sheets(settings.echogenicity, tissue) + reflections(settings.reflection, tissue, axial_step)
    return seen[:2], coherent * uneven + seen[3] * scatter, scatter


def _gains(settings: Ultrasound, space: BeamSpace, depth: Array) -> Array:
    """Amplitude factor (N, L, R) of time gain, frames, slow shading, the sector's edges and shadows."""
    frames, lines = space.positions.shape[:2]
    lateral = np.linspace(-1, 1, lines, dtype=np.float32)
    # Shadows stay where they are in the sweep: where the frame's first samples lie in it.
    at_face = space.positions[:, :, 0, :]
    across, along = ((at_face[..., n] / np.float32((space.shape[2 - n] - 1) / 2) - 1) for n in (1, 2))
    shape = (frames, lines, len(depth))
    slow = smooth_field(settings.seed + 3, shape, [n / 2.5 for n in shape])
    factor = gain(settings.time_gain, depth) * edge_loss(settings.edge_loss, lateral)[:, None]
    factor = factor * frame_gains(settings.receiver, frames)[:, None, None]
    return np.asarray(factor * np.exp(settings.shading * slow) * cast(settings.shadows, along, across, depth))

"""B-mode of a sweep, simulated in beam coordinates (elevation, lateral, depth) and reconstructed on a regular grid.

Scatterers of tissue-dependent strength and sheet-like reflectors are convolved with the point-spread function, which
is constant in angle and so widens with depth; envelope, gain, electronic noise and log compression follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .anatomy import TISSUES, Anatomy
from .fields import sigmoid, smooth_field
from .geometry import Array, Grid, sample
from .probe import Beams, Probe, beam_indices, beam_points, beams, field_of_view

#: Scattering amplitude of each tissue about which those of a case are drawn; white matter is 1.
ECHO = {
    "white": 1.0, "grey": 0.62, "deep": 0.75, "sulcal": 1.3, "ventricle": 0.06, "falx": 4.0, "vessel": 2.5,
    "choroid": 4.0, "core": 2.3, "necrosis": 0.5, "rim": 3.0, "oedema": 1.55,
}  # fmt: skip
#: Acoustic impedance relative to white matter, of which boundary reflections are made.
IMPEDANCE = {
    "white": 1.0, "grey": 0.93, "deep": 0.96, "sulcal": 0.55, "ventricle": 0.5, "falx": 1.8, "vessel": 0.7,
    "choroid": 1.1, "core": 1.05, "necrosis": 0.7, "rim": 1.15, "oedema": 0.95,
}  # fmt: skip


@dataclass(frozen=True)
class Ultrasound:
    """Drawn parameters of the scanner and of the tissues' echoes; lengths in mm, gains in dB."""

    echo: dict[str, float]
    sulcal_sheet: float  # strength of pia and vessels in sulci
    reflection: float
    visibility: float  # spread (log) of the sheets' strength from place to place
    isotropic: float  # share of a sheet's echo that does not depend on the beam's angle
    axial_psf: float
    lateral_psf: float
    elevation_psf: float
    speckle: float  # 1: fully developed, 0: averaged away by compounding
    texture: float
    grain: float  # voxel noise of the reconstruction, relative, at 0.5 mm
    streaks: float  # strength of short bright arcs across the beam
    streak_length: float  # their lateral standard deviation, mm
    pia_sharpness: float  # exponent by which sheets are thinner than the fluid about them
    attenuation: float  # dB a mm that the gain does not make up for
    gain: tuple[float, ...]  # at equally spaced depths
    frame_gain: float
    shading: float
    noise: float  # electronic, relative to white matter
    noise_rise: float
    face_echo: float  # of probe face and dura
    face_thickness: float
    shadows: tuple[tuple[float, float, float, float, float], ...]  # elevation, lateral, width, depth, transmission
    compression: float
    middle: float  # grey level of the median inside the field of view
    reject: float
    seed: int


def draw_ultrasound(rng: np.random.Generator) -> Ultrasound:
    """Draw a scanner setting and the tissues' echoes."""
    echo = {tissue: float(value * np.exp(rng.normal(0, 0.1))) for tissue, value in ECHO.items()}
    if rng.random() < 0.3:
        echo["necrosis"] = rng.uniform(0.05, 0.3)
    shadows = tuple(_draw_shadow(rng) for _ in range(rng.choice(4, p=(0.25, 0.35, 0.25, 0.15))))
    return Ultrasound(
        echo=echo,
        sulcal_sheet=float(np.exp(rng.uniform(np.log(7), np.log(20)))),
        reflection=rng.uniform(3, 9),
        visibility=rng.uniform(0.2, 0.8),
        isotropic=rng.uniform(0.2, 0.6),
        axial_psf=rng.uniform(0.2, 0.35),
        lateral_psf=rng.uniform(0.3, 0.6),
        elevation_psf=rng.uniform(0.3, 0.65),
        speckle=rng.uniform(0.15, 0.6),
        texture=rng.uniform(0.05, 0.2),
        grain=rng.uniform(0.03, 0.15),
        streaks=float(np.exp(rng.uniform(np.log(0.3), np.log(8)))),
        streak_length=rng.uniform(0.7, 1.6),
        pia_sharpness=rng.uniform(1.5, 3.5),
        attenuation=rng.uniform(-0.05, 0.12),
        gain=tuple(rng.normal(0, 2.5, 6).tolist()),
        frame_gain=rng.uniform(0, 0.06),
        shading=rng.uniform(0.05, 0.25),
        noise=rng.uniform(0.02, 0.3),
        noise_rise=rng.uniform(0, 2.5),
        face_echo=float(rng.choice([0, rng.uniform(3, 12)], p=(0.35, 0.65))),
        face_thickness=rng.uniform(0.7, 2.0),
        shadows=shadows,
        compression=float(np.exp(rng.uniform(np.log(0.08), np.log(1.2)))),
        middle=rng.uniform(16, 46),
        reject=rng.uniform(0, 4),
        seed=int(rng.integers(2**31)),
    )


def _draw_shadow(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    elevation, lateral = rng.uniform(-1, 1, 2).tolist()
    depth = float(rng.choice([0.0, rng.uniform(5, 40)]))
    return elevation, lateral, rng.uniform(0.08, 0.35), depth, rng.uniform(0.08, 0.5)


def render_ultrasound(
    settings: Ultrasound, probe: Probe, anatomy: Anatomy, grid: Grid
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The reconstructed volume (nz, ny, nx) of grey levels 0..255 and its field of view."""
    sampling = beams(probe, grid.spacing)
    tissue = sample(anatomy.shares, anatomy.grid.indices(beam_points(probe, sampling)))
    bmode = _bmode(settings, probe, sampling, tissue)
    indices = beam_indices(probe, sampling, grid.points())
    inside = field_of_view(probe, sampling, indices)
    volume = sample(bmode[None], indices, "border")[0]
    noise = np.random.default_rng(settings.seed + 11).standard_normal(volume.shape, dtype=np.float32)
    volume *= 1 + np.float32(settings.grain * min(0.5 / grid.spacing, 1)) * noise
    return np.asarray(np.round(np.clip(volume, 0, 255)) * inside, np.float32), inside


def _bmode(settings: Ultrasound, probe: Probe, sampling: Beams, tissue: Array) -> Array:
    """Grey levels (E, L, R) of every sample of the sweep."""
    psf = _psf(settings, probe, sampling)
    scatter, sheets = _scatterers(settings, sampling, tissue, psf)
    envelope = _envelope(settings, scatter, sheets, psf)
    envelope *= _transmission(settings, probe, sampling)
    envelope = np.hypot(envelope, _electronic_noise(settings, sampling, envelope.shape, psf))
    envelope += _face(settings, sampling, envelope.shape)
    # Compression about the median: nearly linear for small k, logarithmic for large k.
    k = settings.compression
    relative = envelope / np.median(envelope)
    grey = settings.middle * np.log1p(k * relative) / np.log1p(k)
    return np.asarray(np.maximum(grey - settings.reject, 0), np.float32)


def _psf(settings: Ultrasound, probe: Probe, sampling: Beams) -> tuple[float, float, float]:
    """Standard deviations of the point-spread function in samples (elevation, lateral, depth)."""
    middle = 0.5 * probe.far
    elevation = (sampling.elevation[1] - sampling.elevation[0]) * (probe.pivot + middle)
    lateral = (sampling.lateral[1] - sampling.lateral[0]) * (probe.apex + middle)
    depth = sampling.depth[1] - sampling.depth[0]
    return (
        float(settings.elevation_psf / elevation),
        float(settings.lateral_psf / lateral),
        float(settings.axial_psf / depth),
    )


def _scatterers(
    settings: Ultrasound, sampling: Beams, tissue: Array, psf: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Amplitude of diffuse scatterers, and of sheet-like reflectors that answer coherently."""
    shape = tissue.shape[1:]
    scatter = _weighted(settings.echo, tissue)
    scatter *= np.exp(settings.texture * smooth_field(settings.seed, shape, 4))
    impedance = _weighted(IMPEDANCE, tissue)
    step = float(sampling.depth[1] - sampling.depth[0])
    facing = np.abs(ndimage.gaussian_filter1d(impedance, 0.5 / step, axis=-1, order=1)) / step
    rough = np.random.default_rng(settings.seed + 8).standard_normal(shape, dtype=np.float32)
    place = smooth_field(settings.seed + 1, shape, 8) + 0.6 * smooth_field(settings.seed + 9, shape, 3)
    patches = np.exp(settings.visibility * (place - 0.3) + 0.5 * rough)
    pia = np.clip(1.4 * tissue[TISSUES.index("sulcal")], 0, 1) ** settings.pia_sharpness
    sheets = settings.sulcal_sheet * settings.isotropic * pia * patches
    sheets += settings.reflection * (1 - settings.isotropic) * facing * patches
    sheets += _streaks(settings, shape, psf) * scatter
    return scatter, sheets


def _weighted(values: dict[str, float], tissue: Array) -> Array:
    """The mean of ``values`` over the shares (C, E, L, R) of a voxel's tissues."""
    return np.tensordot(np.array([values[name] for name in TISSUES], np.float32), tissue, 1)


def _streaks(settings: Ultrasound, shape: tuple[int, ...], psf: tuple[float, float, float]) -> Array:
    """Short arcs across the beam, in clusters: small vessels and fibres that happen to face the probe."""
    rng = np.random.default_rng(settings.seed + 2)
    widths = [
        settings.streak_length * psf[n] / mm for n, mm in enumerate((settings.elevation_psf, settings.lateral_psf))
    ]
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), [*widths, psf[2]], truncate=2.5)
    clusters = np.exp(0.7 * smooth_field(settings.seed + 10, shape, 14) - 0.3)
    return np.asarray(settings.streaks * clusters * np.maximum(noise / noise.std() - 1.8, 0), np.float32)


def _envelope(settings: Ultrasound, scatter: Array, sheets: Array, psf: tuple[float, float, float]) -> Array:
    """Magnitude of the band-limited complex echo; its speckle partly averaged as by compounding."""
    rng = np.random.default_rng(settings.seed + 3)
    echoes = []
    for _ in range(2):
        white_noise = rng.standard_normal(scatter.shape, dtype=np.float32)
        echoes.append(ndimage.gaussian_filter(white_noise, psf, truncate=2.5, mode="wrap"))
    scale = np.float32(1 / (np.sqrt(np.pi / 2) * echoes[0].std()))  # Rayleigh of unit mean
    coherent = ndimage.gaussian_filter(sheets, psf, truncate=2.5)
    amplitude = ndimage.gaussian_filter(scatter, [0.7 * s for s in psf], truncate=2.5)
    speckled = np.hypot(scale * echoes[0] * amplitude + coherent, scale * echoes[1] * amplitude)
    smooth = np.hypot(amplitude, coherent)
    return np.asarray(settings.speckle * speckled + (1 - settings.speckle) * smooth, np.float32)


def _transmission(settings: Ultrasound, probe: Probe, sampling: Beams) -> Array:
    """Relative amplitude that attenuation, gain, frames, slow shading and shadows leave, (E, L, R)."""
    shape = len(sampling.elevation), len(sampling.lateral), len(sampling.depth)
    depth = sampling.depth
    decibel = np.interp(depth, np.linspace(probe.near, probe.far, len(settings.gain)), settings.gain)
    decibel = decibel - settings.attenuation * (depth - depth.mean())
    frames = np.random.default_rng(settings.seed + 4).normal(0, settings.frame_gain, shape[0])
    slow = settings.shading * smooth_field(settings.seed + 5, shape, [n / 2.5 for n in shape])
    factor = np.exp(slow + frames[:, None, None].astype(np.float32)) * (10 ** (decibel / 20)).astype(np.float32)
    u = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None, None]
    v = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :, None]
    for elevation, lateral, width, start, transmission in settings.shadows:
        beyond = np.hypot(u - elevation, v - lateral) / width
        cast = sigmoid((1 - beyond) / 0.15) * sigmoid((depth - start) / 1.5)
        factor *= 1 - (1 - np.float32(transmission)) * cast
    return np.asarray(factor, np.float32)


def _electronic_noise(
    settings: Ultrasound, sampling: Beams, shape: tuple[int, ...], psf: tuple[float, float, float]
) -> Array:
    """Noise of the receiver, raised with depth by the time-gain compensation."""
    rng = np.random.default_rng(settings.seed + 6)
    relative = (sampling.depth / sampling.depth[-1]) ** 3
    level = settings.noise * np.exp(settings.noise_rise * relative.astype(np.float32))
    grain = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), [0.3, 0.5, 0.5 * psf[2]])
    return np.asarray(level * (1 + 0.35 * grain / grain.std()), np.float32)


def _face(settings: Ultrasound, sampling: Beams, shape: tuple[int, ...]) -> Array:
    """The bright band of probe face and dura, of uneven thickness."""
    thickness = settings.face_thickness * np.exp(0.3 * smooth_field(settings.seed + 7, shape[:2], [9, 14]))
    below = (sampling.depth - sampling.depth[0]) / thickness[..., None]
    return np.asarray(settings.face_echo * sigmoid((1 - below) / 0.2), np.float32)

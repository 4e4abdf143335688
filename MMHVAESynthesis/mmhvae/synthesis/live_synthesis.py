"""Live synthesis: one frame of a stream after the other, each as fast as possible, without flicker.

Each frame is synthesised as :mod:`mmhvae.synthesis.frame_synthesis` does it, one target and one sample. So that the
picture changes only where the ultrasound does: the noise is one fixed field, drawn from the seed; the field of view is
estimated at the first frame, and again only if the frames' size changes or they show echoes well outside it; grey
values are normalised over the frames of the last seconds (:mod:`mmhvae.synthesis.running_range`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bundle import Bundle
from ..compute import choose_device
from ..exceptions import InputError, no_progress
from ..images import SAME_SPACING, SMALLEST_SPACING_MM
from ..network import MMHVAE, TileLayout, VolumeNoise, draw_noise, prepared
from ..settings import LiveSettings
from .frame_grid import FrameGrid, PixelSize, frame_grid
from .passes import Sampling, sampled_planes
from .preparation import PreparedCase
from .running_range import RunningRange
from .synthesis import check_request, usable_precision

Float32Array = NDArray[np.float32]
#: Echoes outside the field of view, as a share of it, that make it be estimated anew.
GROWTH = 0.01
#: No probe looks further, to either side or in depth.
LARGEST_FRAME_MM = 400.0


class LiveSynthesis:
    """A model kept warm for one stream of ultrasound frames.

    Args:
        bundle: from :func:`mmhvae.load_bundle`.
        target: the modality to synthesise.
        device: auto, cpu, cuda or mps; where a GPU's memory runs out, the CPU takes over.
        temperature, seed: as in :func:`mmhvae.synthesize`, with one sample a frame.

    Raises:
        InputError: the target, device or a number cannot be used.
    """

    def __init__(
        self,
        bundle: Bundle,
        target: str = LiveSettings.target,
        device: str = "auto",
        temperature: float = LiveSettings.temperature,
        seed: int = LiveSettings.seed,
    ) -> None:
        settings = LiveSettings(target, temperature, seed)
        check_request(bundle.network.config, {"us"}, {settings.target})
        self.target, self.device = settings.target, choose_device(device)
        self._bundle, self._temperature, self._seed = bundle, settings.temperature, settings.seed
        self._range = RunningRange()
        self._shape: tuple[int, ...] = ()
        self._pixel_size: PixelSize = (0.0, 0.0)
        self._view: _View | None = None
        self._network: tuple[torch.dtype, MMHVAE] | None = None

    def synthesize(self, frame: NDArray[np.generic], pixel_size: PixelSize) -> Float32Array:
        """The synthetic frame: (H, W) float32 harmonised to [0, 1], 0 outside the field of view.

        A frame in which nothing is to be seen, the probe being off the patient, is 0 everywhere.

        Args:
            frame: (H, W) of any real type; rows run away from the probe, columns along its face.
            pixel_size: (mm a column, mm a row).

        Raises:
            InputError: the frame cannot be used.
        """
        pixels = _checked(frame, pixel_size)
        self._look_at(pixels, pixel_size)
        view = self._view
        if view is None:
            return np.zeros(frame.shape, np.float32)
        # As in a sweep, black inside the field of view is dark fluid; floating-point frames know no smallest grey.
        floor = 1.0 if np.issubdtype(frame.dtype, np.integer) else 0.0
        plane = view.frames.plane(pixels.clamp(min=floor) * view.frames.region).numpy()
        mask = view.frames.mask.numpy()
        self._range.add(plane[mask])
        grey_values = self._range.range
        if grey_values is None or not pixels.any():
            return np.zeros(frame.shape, np.float32)
        normalised = torch.from_numpy(grey_values.normalise(plane, mask))
        return view.frames.frame(self._synthetic(view, normalised)).numpy()

    def _look_at(self, pixels: Tensor, pixel_size: PixelSize) -> None:
        """Estimate the field of view where there is none yet, or where it does not fit."""
        bright = pixels > 0
        if pixels.shape != self._shape or not np.allclose(pixel_size, self._pixel_size, rtol=SAME_SPACING, atol=0):
            self._shape, self._pixel_size, self._view = tuple(pixels.shape), pixel_size, None
        elif self._view is not None:
            region = self._view.frames.region
            if (bright & ~region).sum() <= GROWTH * region.sum():
                return
            bright |= region
        if bright.any():
            grid = frame_grid(bright.numpy(), self._pixel_size, self._bundle.manifest.spacing_mm)
            self._view = _View.of(grid, self._bundle, self._seed)

    def _synthetic(self, view: _View, plane: Tensor) -> Tensor:
        """A normalised plane (w, h) -> the synthetic one, in [0, 1]."""
        case = PreparedCase({"us": plane[None]}, view.frames.mask[None], view.frames.grid, 2)
        try:
            return self._computed(view, case)
        except torch.OutOfMemoryError:
            if self.device.type == "cpu":
                raise
        torch.cuda.empty_cache()
        self.device, self._network = torch.device("cpu"), None
        return self._computed(view, case)

    def _computed(self, view: _View, case: PreparedCase) -> Tensor:
        sampling = Sampling((self.target,), self._temperature, view.noise, self.device)
        if self._network is None:
            dtype = usable_precision(self._bundle, case, view.layout, sampling, no_progress)
            self._network = dtype, prepared(self._bundle.network, self.device, dtype)
        dtype, network = self._network
        sampling, tiles = replace(sampling, dtype=dtype), len(view.layout.corners)
        planes = sampled_planes(network, case, view.layout, sampling, [0], tiles, lambda share: None)
        return planes[self.target][0, 0]


@dataclass(frozen=True)
class _View:
    """What stays the same while the field of view does."""

    frames: FrameGrid
    layout: TileLayout
    noise: tuple[VolumeNoise, ...]

    @staticmethod
    def of(frames: FrameGrid, bundle: Bundle, seed: int) -> _View:
        config, (height, width) = bundle.network.config, frames.mask.shape
        layout = TileLayout.covering((height, width), config.image_size, config.stride)
        return _View(frames, layout, draw_noise(config, layout, 1, bundle.manifest.spacing_mm, 1, seed))


def _checked(frame: NDArray[np.generic], pixel_size: PixelSize) -> Tensor:
    """The frame as float32, once it is known to be one that can be worked on."""
    if frame.ndim != 2 or min(frame.shape) < 2 or not np.issubdtype(frame.dtype, np.number):
        raise InputError("A frame of the stream is no flat grey-level image; choose another source.")
    sides = [count * size for count, size in zip(reversed(frame.shape), pixel_size, strict=True)]
    if not all(math.isfinite(side) for side in sides) or min(pixel_size) < SMALLEST_SPACING_MM:
        raise InputError("The frames' pixels have no usable size; correct the stream's spacing, in millimetres.")
    if max(sides) > LARGEST_FRAME_MM:
        raise InputError(
            f"The frames measure {sides[0]:.0f} x {sides[1]:.0f} mm; correct the stream's spacing, or put it under its"
            " calibration's transform."
        )
    pixels = np.asarray(frame, np.float32)
    if not np.isfinite(pixels).all():
        raise InputError("A frame of the stream holds NaN or infinite pixels; choose another source.")
    return torch.from_numpy(pixels)

"""Live synthesis: one frame of a stream after the other, each as fast as possible, without flicker.

Each frame is synthesised as :mod:`mmhvae.frame_synthesis` does it, one target and one sample. So that the picture
changes only where the ultrasound does: the noise is one fixed field, drawn from the seed; the field of view is
estimated at the first frame, and again only if the frames' size changes or they show echoes well outside it; grey
values are normalised over the frames of the last seconds (:mod:`mmhvae.running_range`).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .bundle import Bundle
from .devices import choose_device
from .exceptions import InputError, no_progress
from .frame_grid import FrameGrid, PixelSize, frame_grid
from .images import SMALLEST_SPACING_MM
from .inference import prepared
from .noise import draw_noise
from .preparation import PreparedCase
from .running_range import RunningRange
from .synthesis import Sampling, check_request, sampled_planes, usable_precision
from .tiles import TileLayout

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
        temperature, seed: as in :func:`mmhvae.synthesize`.

    Raises:
        InputError: the target, device or a number cannot be used.
    """

    def __init__(
        self, bundle: Bundle, target: str, device: str = "auto", temperature: float = 0.5, seed: int = 0
    ) -> None:
        check_request(bundle.network.config, {"us"}, {target}, temperature, 1, seed)
        self.target, self.device = target, choose_device(device)
        self._bundle, self._temperature, self._seed = bundle, temperature, seed
        self._range = RunningRange()
        self._key: tuple[tuple[int, ...], PixelSize] | None = None
        self._view: _View | None = None

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
        if self._view is None:
            return np.zeros(frame.shape, np.float32)
        # As in a sweep, black inside the field of view is dark fluid; floating-point frames know no smallest grey.
        floor = 1.0 if np.issubdtype(frame.dtype, np.integer) else 0.0
        plane = self._view.frames.plane(pixels.clamp(min=floor) * self._view.frames.region)
        self._range.add(plane[self._view.frames.mask].numpy())
        grey_values = self._range.range
        if grey_values is None or not bool(pixels.any()):
            return np.zeros(frame.shape, np.float32)
        normalised = grey_values.normalise(plane.numpy(), self._view.frames.mask.numpy())
        return self._view.frames.frame(self._synthetic(torch.from_numpy(normalised))).numpy()

    def _look_at(self, pixels: Tensor, pixel_size: PixelSize) -> None:
        """Estimate the field of view where there is none yet, or where it does not fit."""
        bright, key = pixels > 0, (tuple(pixels.shape), pixel_size)
        if key != self._key:
            self._key, self._view = key, None
        elif self._view is not None:
            region = self._view.frames.region
            if (bright & ~region).sum() <= GROWTH * region.sum():
                return
            bright |= region
        if bright.any():
            grid = frame_grid(bright.numpy(), pixel_size, self._bundle.manifest.spacing_mm)
            self._view = _View(grid, self._bundle, self.target, self._temperature, self._seed)

    def _synthetic(self, plane: Tensor) -> Tensor:
        """A normalised plane (w, h) -> the synthetic one, in [0, 1]."""
        assert self._view is not None
        try:
            return self._view.synthetic(plane, self.device)
        except torch.OutOfMemoryError:
            if self.device.type == "cpu":
                raise
        torch.cuda.empty_cache()
        self.device = torch.device("cpu")
        return self._view.synthetic(plane, self.device)


class _View:
    """Everything that stays the same while the field of view does."""

    def __init__(self, frames: FrameGrid, bundle: Bundle, target: str, temperature: float, seed: int) -> None:
        config = bundle.network.config
        self.frames = frames
        self._bundle = bundle
        height, width = frames.mask.shape
        self._layout = TileLayout.covering((height, width), config.image_size, config.stride)
        noise = draw_noise(config, self._layout, 1, bundle.manifest.spacing_mm, 1, seed)
        self._request = ((target,), temperature, noise)
        self._sampling: Sampling | None = None

    def synthetic(self, plane: Tensor, device: torch.device) -> Tensor:
        case = PreparedCase({"us": plane[None]}, self.frames.mask[None], self.frames.grid, 2)
        if self._sampling is None or self._sampling.device != device:
            sampling = Sampling(*self._request, device)
            dtype = usable_precision(self._bundle, case, self._layout, sampling, no_progress)
            self._sampling = Sampling(*self._request, device, dtype)
            self._network = prepared(self._bundle.network, device, dtype)
        still = lambda share: None  # noqa: E731
        planes = sampled_planes(
            self._network, case, self._layout, self._sampling, [0], len(self._layout.corners), still
        )
        return next(iter(planes.values()))[0, 0]


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

"""Synthesis frame by frame: each tracked frame becomes a synthetic frame, and these are compounded.

The other way, and the default, is to reconstruct the sweep first and to synthesise the volume. A frame is sharper than
the volume, and was never averaged with frames that the tracking put in the wrong place; but it shows one plane only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..bundle import Bundle
from ..compute import kept_heap
from ..exceptions import Progress, no_progress, part_of
from ..images import LARGEST_EXTENT_MM, OWN_SPACING_RATIO, SMALLEST_SPACING_MM, image_on
from ..settings import Clip, SynthesisSettings
from ..sweep import (
    FloatArray,
    Pixels,
    Reconstruction,
    Sweep,
    brightest,
    clipped_frames,
    compound,
    echo_region,
    filled,
    gap_radius,
    require_clip,
    usable_frames,
)
from .synthesis import SynthesisResult, synthesize

Float32Array = NDArray[np.float32]
#: Shares of the work: reading the frames, synthesising them; what follows is compounding.
READ, SYNTHESISED = 0.1, 0.9
#: Ratio of two spacings that are never taken for one.
UNLIKE = 1.1 * OWN_SPACING_RATIO
#: Frames are averaged in blocks of pixels up to this share of the model's: no detail that it could see is lost.
COARSEST_PIXEL = 0.5


@dataclass(frozen=True)
class _Stack:
    """Frames one behind the other.

    Attributes:
        image: (W, H, N) in ITK's order, 0 outside the echo region, at least 1 inside.
        region: (H, W), where the frames show echoes.
        poses: (N, 4, 4), the stack's pixel -> Reference RAS mm.
    """

    image: sitk.Image
    region: NDArray[np.bool_]
    poses: FloatArray


@kept_heap()
def synthesize_frames(
    bundle: Bundle,
    sweep: Sweep,
    reconstruction: Reconstruction,
    targets: Sequence[str],
    temperature: float = SynthesisSettings.temperature,
    samples: int = SynthesisSettings.samples,
    seed: int = SynthesisSettings.seed,
    device: str = "auto",
    clip: Clip | None = None,
    progress: Progress | None = None,
    *,
    settings: SynthesisSettings | None = None,
) -> SynthesisResult:
    """Synthesise every frame of ``sweep`` and compound the results onto the grid of ``reconstruction``.

    Args:
        bundle: from :func:`mmhvae.load_bundle`.
        sweep: tracked frames; those that cannot be placed are left out.
        reconstruction: of the same sweep; gives the grid and the field of view.
        targets, temperature, samples, seed, device: as in :func:`mmhvae.synthesize`.
        clip: (X, Y, W, H) in pixels of the frames.
        progress: raising :class:`mmhvae.Cancelled` in it stops the work.
        settings: in place of temperature, samples and seed; slices follow the frames, whatever its axis.

    Returns:
        As :func:`mmhvae.synthesize`; the uncertainty is the mean over the frames of their own.

    Raises:
        InputError: the sweep or an argument cannot be used.
    """
    started = time.monotonic()
    report = progress or no_progress
    wanted = SynthesisSettings.of(settings, temperature=temperature, samples=samples, seed=seed)
    stack = _stacked(sweep, clip, bundle.manifest.spacing_mm, report)
    result = synthesize(
        bundle,
        {"us": stack.image},
        targets,
        device=device,
        progress=part_of(report, READ, SYNTHESISED),
        settings=replace(wanted, slice_axis="2"),
    )
    report(SYNTHESISED, "compounding the synthetic frames")
    return SynthesisResult(
        images={name: _compounded(image, stack, reconstruction) for name, image in result.images.items()},
        uncertainty={name: _compounded(image, stack, reconstruction) for name, image in result.uncertainty.items()},
        field_of_view=reconstruction.field_of_view,
        device=result.device,
        precision=result.precision,
        seconds=time.monotonic() - started,
    )


def _stacked(sweep: Sweep, clip: Clip | None, spacing: float, report: Progress) -> _Stack:
    """The usable frames as one image, averaged in blocks of pixels where they are much finer than ``spacing`` (mm)."""
    chosen = usable_frames(sweep).chosen
    poses = sweep.image_to_reference[chosen]
    clip = require_clip(clip, sweep.frames.shape)
    region = echo_region(
        brightest(clipped_frames(sweep, chosen, clip, report, (0, READ / 2), "reading"), (clip[3], clip[2]))
    )
    pixel = np.linalg.norm(poses[:, :3, :2], axis=1).mean(axis=0)  # mm a column, mm a row
    columns, rows = (max(1, int(COARSEST_PIXEL * spacing / size)) for size in pixel)
    share = _averaged(region.astype(np.float32), (rows, columns))

    def frames() -> Iterator[Float32Array]:
        for frame in clipped_frames(sweep, chosen, clip, report, (READ / 2, READ), "reading"):
            mean = _averaged(frame * region, (rows, columns)) / np.maximum(share, 1e-6)
            yield np.where(share > 0, np.maximum(mean, 1), 0).astype(np.float32)

    image = sitk.GetImageFromArray(np.stack(list(frames())))
    centres = poses @ [clip[0] + clip[2] / 2, clip[1] + clip[3] / 2, 0, 1]
    in_plane = [float(columns * pixel[0]), float(rows * pixel[1])]
    image.SetSpacing([*in_plane, _between(centres[:, :3], in_plane)])
    to_pixel = np.eye(4)
    to_pixel[0, 0], to_pixel[0, 3] = columns, clip[0] + (columns - 1) / 2
    to_pixel[1, 1], to_pixel[1, 3] = rows, clip[1] + (rows - 1) / 2
    return _Stack(image, share > 0, np.asarray(poses @ to_pixel))


def _between(centres: FloatArray, in_plane: Sequence[float]) -> float:
    """Distance (mm) of the frames in the stack: that of their ``centres`` (N, 3), as nearly as the stack allows.

    It has to be unlike the spacings in plane, or the frames would be interpolated, and the stack is to look like a
    volume that a head can hold.
    """
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    step = float(np.median(steps)) if len(steps) else 1.0
    finer, coarser = min(in_plane) / UNLIKE, max(in_plane) * UNLIKE
    if finer < step < coarser:
        step = finer if step * step < finer * coarser else coarser
    return float(np.clip(step, 2 * SMALLEST_SPACING_MM, 0.9 * LARGEST_EXTENT_MM / len(centres)))


def _averaged(pixels: Pixels, block: tuple[int, int]) -> Float32Array:
    """Means over blocks of ``block`` (rows, columns); a last block that hangs over the edge is filled with 0."""
    rows, columns = block
    padded = np.pad(pixels, [(0, -pixels.shape[0] % rows), (0, -pixels.shape[1] % columns)])
    blocks = padded.reshape(padded.shape[0] // rows, rows, padded.shape[1] // columns, columns)
    return np.asarray(blocks.mean((1, 3)), np.float32)


def _compounded(image: sitk.Image, stack: _Stack, reconstruction: Reconstruction) -> sitk.Image:
    """A stack of synthetic frames on the reconstruction's grid, 0 outside its field of view."""
    grid = reconstruction.field_of_view
    inside = sitk.GetArrayViewFromImage(grid) != 0
    values, reached = compound(sitk.GetArrayViewFromImage(image), stack.poses, stack.region, (0, 0), grid)
    values, _ = filled(values, reached, inside, grid.GetSpacing(), gap_radius(grid))
    return image_on(np.where(inside, values, 0).astype(np.float32), grid)

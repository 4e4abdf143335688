"""One call: an ultrasound volume in, the tumour's outline on its exact grid out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..compute import choose_device, half_precision, kept_heap, where_it_fits
from ..exceptions import InputError, Progress, no_progress, part_of
from ..images import check_volume, field_of_view, grid_over, image_on, resampled, with_zero_background
from ..settings import OutlineSettings
from .plain_unet import PlainUNet, Triple
from .ultrasound_bundle import ImageRules, UltrasoundSegmenter, load_ultrasound_segmenter
from .windows import Look, Outline, outline

THRESHOLD = 0.5
PREPARED, COMPUTED = 0.1, 0.9  # shares of the progress


@dataclass(frozen=True)
class UltrasoundOutline:
    """What :func:`outline_ultrasound` returns; images are on the ultrasound's exact grid.

    Attributes:
        labels: uint8, 1 in the tumour, 0 elsewhere and outside the field of view. Computed, not drawn by a person.
        uncertainty: float32, 0 to 0.5; standard deviation over the mirrored views.
        field_of_view: uint8, where the ultrasound shows something.
        volume_ml: of the tumour that is seen.
        device: that did the work.
        seconds: wall-clock time.
    """

    labels: sitk.Image
    uncertainty: sitk.Image
    field_of_view: sitk.Image
    volume_ml: float
    device: str
    seconds: float


@kept_heap()
def outline_ultrasound(
    ultrasound: sitk.Image,
    segmenter: UltrasoundSegmenter | str | Path,
    *,
    settings: OutlineSettings | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> UltrasoundOutline:
    """Outline the tumour in an ultrasound volume.

    Args:
        ultrasound: 3-D volume, its background one value around the fan.
        segmenter: of ultrasound, its folder or zip, or the name of an installed one; none ships with the software.
        settings: mirrored views, which pieces are kept, overlap of the windows.
        device: auto, cpu, cuda or mps.
        progress: called between windows; raising :class:`mmhvae.Cancelled` in it stops the work.

    Raises:
        InputError: the ultrasound or the segmenter cannot be used.
    """
    started, settings, progress = time.monotonic(), settings or OutlineSettings(), progress or no_progress
    if not isinstance(segmenter, UltrasoundSegmenter):
        segmenter = load_ultrasound_segmenter(segmenter)
    progress(0.0, "preparing the images")
    image = with_zero_background(check_volume(ultrasound, "ultrasound"), "ultrasound")
    visible = field_of_view(image)
    array, grid = padded(*seen_by(segmenter.manifest.rules, image, visible), segmenter.manifest.patch)
    between = part_of(progress, PREPARED, COMPUTED)

    def work(chosen: torch.device) -> Outline:
        networks = [network.to(chosen) for network in segmenter.networks]
        look = _look_of(networks, half_precision(chosen) or torch.float32)
        shown = torch.from_numpy(array)[None]
        return outline(look, 1, shown, segmenter.manifest.patch, settings.flips, settings.overlap, between)

    found, used = where_it_fits(work, choose_device(device), progress)
    progress(COMPUTED, "bringing the outline onto the image's grid")
    inside = sitk.GetArrayViewFromImage(visible) > 0
    probability = sitk.GetArrayFromImage(resampled(image_on(found.probability[0].numpy(), grid), image))
    labels = _with_large_pieces((probability > THRESHOLD) & inside, image, settings.smallest_piece_ml)
    spread = resampled(image_on(found.spread[0].numpy(), grid), image)
    volume = int(labels.sum()) * float(np.prod(image.GetSpacing())) / 1000
    progress(1.0, "done")
    return UltrasoundOutline(
        labels=image_on(labels.astype(np.uint8), image),
        uncertainty=image_on(np.where(inside, sitk.GetArrayViewFromImage(spread), 0).astype(np.float32), image),
        field_of_view=visible,
        volume_ml=round(volume, 3),
        device=str(used),
        seconds=round(time.monotonic() - started, 2),
    )


def seen_by(rules: ImageRules, image: sitk.Image, visible: sitk.Image) -> tuple[NDArray[np.float32], sitk.Image]:
    """An ultrasound as the networks see it, (k, j, i), and the grid of that: along its own axes, around what it shows.

    Raises:
        InputError: it shows nothing.
    """
    grid = grid_over(visible, rules.spacing_mm[::-1])
    array = sitk.GetArrayFromImage(resampled(image, grid))
    inside = sitk.GetArrayFromImage(resampled(visible, grid)) > 0.5
    if not inside.any():
        raise InputError("The ultrasound shows nothing; choose another one.")
    in_view = rules.normalised_over == "field of view"
    levels = array[inside] if in_view else array
    array = (array - levels.mean()) / max(float(levels.std()), 1e-8)
    if rules.clipped is not None:
        array = array.clip(-rules.clipped, rules.clipped)
    return (np.where(inside, array, 0) if in_view else array).astype(np.float32), grid


def padded(array: NDArray[np.float32], grid: sitk.Image, patch: Triple) -> tuple[NDArray[np.float32], sitk.Image]:
    """At least as large as a patch: as much of nothing (0) on either side, as in training; (k, j, i), and its grid."""
    missing = [max(0, side - length) for side, length in zip(patch, array.shape, strict=True)]
    before, after = [n // 2 for n in missing], [n - n // 2 for n in missing]
    whole = np.pad(array, list(zip(before, after, strict=True)))
    larger = sitk.Image(whole.shape[::-1], sitk.sitkUInt8)
    larger.SetSpacing(grid.GetSpacing())
    larger.SetDirection(grid.GetDirection())
    larger.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint([-float(n) for n in before[::-1]]))
    return whole, larger


def _look_of(networks: list[PlainUNet], precision: torch.dtype) -> Look:
    device = next(networks[0].parameters()).device

    def look(window: Tensor) -> Tensor:
        shown = window[None].to(device)
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            views = [network(shown).float().softmax(dim=1)[0, 1:] for network in networks]
        return torch.stack(views).mean(dim=0).cpu()

    return look


def _with_large_pieces(tumour: NDArray[np.bool_], grid: sitk.Image, smallest_ml: float) -> NDArray[np.bool_]:
    """Connected pieces of at least that volume."""
    pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(image_on(tumour.astype(np.uint8), grid), True))
    volumes = np.bincount(pieces.ravel()) * float(np.prod(grid.GetSpacing())) / 1000
    return np.asarray((volumes >= smallest_ml)[pieces] & tumour)

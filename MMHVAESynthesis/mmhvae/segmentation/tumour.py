"""One call: MRs in, the tumour's outline on the reference's exact grid out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..compute import choose_device, half_precision, kept_heap, where_it_fits
from ..exceptions import InputError, Progress, no_progress, part_of
from ..images import image_on, resampled
from ..settings import SegmentationSettings
from .brain_bundle import BrainExtractor, load_brain_extractor
from .bundle import SegmenterBundle, load_segmenter
from .network import REGIONS, TumourUNet, log_probabilities
from .volumes import SegmenterInput, Within, checked_images, prepare
from .windows import Look, Outline, outline

THRESHOLD = 0.5
PREPARED, COMPUTED = 0.1, 0.9  # shares of the progress


@dataclass(frozen=True)
class TumourOutline:
    """What :func:`segment_tumour` returns; images are on the reference's exact grid.

    Attributes:
        labels: uint8; 1 oedema or infiltration, 2 core without enhancement, 3 enhancing tumour, see
            :data:`mmhvae.segmentation.segments.SEGMENTS`. Computed, not drawn by a person.
        uncertainty: float32, 0 to 0.5; standard deviation over the mirrored views of the least certain region.
        volumes_ml: of the nested regions: "whole tumour", "tumour core", "enhancing tumour".
        modalities: that were used, in the network's order.
        within: what was looked at: a brain mask, the brain that was found, or the whole image.
        device: that did the work.
        seconds: wall-clock time.
    """

    labels: sitk.Image
    uncertainty: sitk.Image
    volumes_ml: dict[str, float]
    modalities: tuple[str, ...]
    within: Within
    device: str
    seconds: float


@kept_heap()
def segment_tumour(
    images: Mapping[str, sitk.Image],
    bundle: SegmenterBundle | str | Path | None = None,
    reference: sitk.Image | None = None,
    brain_mask: sitk.Image | None = None,
    *,
    extractor: BrainExtractor | str | Path | None = None,
    settings: SegmentationSettings | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> TumourOutline:
    """Outline the tumour in whichever MRs there are.

    Args:
        images: any of "t1", "cet1", "t2", "flair" -> 3-D volume, co-registered in LPS mm; grids and orientations may
            differ. Whole heads and skull-stripped brains both do.
        bundle: a segmenter of MR, its folder or zip, or the name of an installed one; by default the one that ships.
        reference: its grid receives the result; by default the first image in the order above.
        brain_mask: what lies outside it is not looked at; by default the brain is found in whole heads.
        extractor: a brain extractor, its folder or zip, or the name of an installed one; by default the one that ships.
        settings: whether to find the brain, flips, which pieces are kept, overlap of the windows.
        device: auto, cpu, cuda or mps.
        progress: called between windows; raising :class:`mmhvae.Cancelled` in it stops the work.

    Raises:
        InputError: an image or a model cannot be used, they show no head, or don't overlap; or an extractor is given
            where none is asked.
    """
    started, settings, progress = time.monotonic(), settings or SegmentationSettings(), progress or no_progress
    if not isinstance(bundle, SegmenterBundle):
        bundle = load_segmenter(bundle)
    modalities = bundle.network.config.modalities
    usable = checked_images(images, modalities)
    target = usable[next(iter(usable))] if reference is None else reference
    if target.GetDimension() != 3:
        raise InputError("The reference image is no volume; choose a 3-D image.")
    if extractor is not None and (brain_mask is not None or not settings.find_brain):
        raise InputError("No brain is to be found, so a brain extractor has no effect; leave it out.")
    brain = _brain(brain_mask, extractor) if settings.find_brain else brain_mask
    spacing, before = bundle.manifest.spacing_mm, part_of(progress, 0.0, PREPARED)
    shown = prepare(usable, target, modalities, spacing, brain, before)
    between = part_of(progress, PREPARED, COMPUTED)
    found, used = _outlined(bundle, shown, settings, device, between)
    progress(COMPUTED, "bringing the outline onto the image's grid")
    kept = _with_pieces_that_count(found.probability, shown.grid, settings)
    labels = _labels_on(kept, shown.grid, target)
    spread = resampled(image_on(found.spread.amax(dim=0).numpy(), shown.grid), target)
    progress(1.0, "done")
    seconds = round(time.monotonic() - started, 2)
    return TumourOutline(labels, spread, _volumes(labels), tuple(usable), shown.within, str(used), seconds)


def _brain(mask: sitk.Image | None, extractor: BrainExtractor | str | Path | None) -> sitk.Image | BrainExtractor:
    """The mask, or where none was given what finds one."""
    if mask is not None:
        return mask
    return extractor if isinstance(extractor, BrainExtractor) else load_brain_extractor(extractor)


def _outlined(
    bundle: SegmenterBundle, shown: SegmenterInput, settings: SegmentationSettings, chosen: str, progress: Progress
) -> tuple[Outline, torch.device]:
    def work(device: torch.device) -> Outline:
        look = look_of(bundle.network.to(device), shown.present, half_precision(device) or torch.float32)
        crop, flips, overlap = bundle.manifest.crop, settings.flips, settings.overlap
        return outline(look, len(REGIONS), shown.images, crop, flips, overlap, progress)

    return where_it_fits(work, choose_device(chosen), progress)


def look_of(network: TumourUNet, present: Tensor, precision: torch.dtype) -> Look:
    """How the network, on its device, looks at one window of the contrasts that are ``present`` (M,)."""
    device = next(network.parameters()).device

    def look(window: Tensor) -> Tensor:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            logits = network(window[None].to(device), present[None].to(device))
        return log_probabilities(logits)[0].exp().cpu()

    return look


def _with_pieces_that_count(probability: Tensor, grid: sitk.Image, settings: SegmentationSettings) -> Tensor:
    """Probabilities with 0 in connected pieces of the whole tumour that are small, or have hardly any core.

    Skull base, vessels and ventricles are outlined as oedema at times; oedema belongs to a tumour.
    """
    whole, core = (image_on((region > THRESHOLD).numpy().astype(np.uint8), grid) for region in probability[:2])
    pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(whole, True))
    voxel_ml = float(np.prod(grid.GetSpacing())) / 1000
    volumes = np.bincount(pieces.ravel()) * voxel_ml
    cores = np.bincount(pieces.ravel(), sitk.GetArrayFromImage(core).ravel())
    kept = (volumes >= settings.smallest_piece_ml) & (cores >= settings.core_share * cores[1:].max(initial=0))
    return probability.masked_fill(torch.from_numpy(~kept[pieces] & (pieces > 0)), 0.0)


def _labels_on(probability: Tensor, grid: sitk.Image, target: sitk.Image) -> sitk.Image:
    """How many nested regions each voxel of the target lies in; interpolated probabilities, not labels."""
    result: NDArray[np.uint8] = np.zeros(target.GetSize()[::-1], np.uint8)
    within: NDArray[np.bool_] = np.ones(target.GetSize()[::-1], bool)
    for region in probability:
        within &= sitk.GetArrayFromImage(resampled(image_on(region.numpy(), grid), target)) > THRESHOLD
        result += within
    return image_on(result, target)


def _volumes(labels: sitk.Image) -> dict[str, float]:
    array, voxel_ml = sitk.GetArrayViewFromImage(labels), float(np.prod(labels.GetSpacing())) / 1000
    counts = [int(np.count_nonzero(array > inside)) for inside in range(len(REGIONS))]
    return {name: round(count * voxel_ml, 3) for name, count in zip(REGIONS, counts, strict=True)}

"""Syntheses of simulated cases, kept on disk by the checksums of weights and ultrasound: evaluations share the work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.files import whole_folder
from mmhvae.images import read_volume, write_volumes
from mmhvae.settings import SliceAxis

from ..scoring import RunVolumes
from ..single_precision import synthesize
from .evaluation import TARGETS, EvaluationCase, load_evaluation_case
from .judgement import JUDGED_SAMPLES

MASK = "field-of-view"
#: mm; the syntheses are no finer, and registration is several times as fast as on the sweep's own grid.
SPACING = 1.0


@dataclass(frozen=True)
class Synthesis:
    """Synthetic images and their uncertainty by target, and where they are valid (uint8), all on the iUS's grid."""

    images: dict[str, sitk.Image]
    uncertainty: dict[str, sitk.Image]
    field_of_view: sitk.Image


class Synthesises(Protocol):
    """What makes the MRs of a case's ultrasound, and keeps them."""

    @property
    def settings(self) -> str:
        """What the kept images depend on, in a few letters."""

    @property
    def weights(self) -> str:
        """Checksum of the network's weights."""

    def __call__(self, case: str, us: sitk.Image) -> Synthesis:
        """The T2, ceT1 and FLAIR of the ultrasound of ``case``, read where they were made before."""


@dataclass(frozen=True)
class Synthesiser:
    """One bundle with its settings, and the folder that keeps what it made.

    Args:
        bundle: from :func:`mmhvae.load_bundle`.
        cache: a folder; receives one folder a bundle and settings, and in it one an ultrasound.
        samples: number of draws that mean and uncertainty are taken over.
        slice_axis: as for :func:`mmhvae.synthesize`; None is the bundle's own.
        device: auto, cpu, cuda or mps.
    """

    bundle: Bundle
    cache: Path
    samples: int = JUDGED_SAMPLES
    slice_axis: SliceAxis | None = None
    device: str = "auto"

    @property
    def settings(self) -> str:
        """Weights, slicing axis and samples in a few letters: what the kept images depend on."""
        axis = "default" if self.slice_axis is None else str(self.slice_axis)
        return f"{self.weights[:8]}-axis-{axis}-samples-{self.samples}"

    @property
    def weights(self) -> str:
        return self.bundle.manifest.weights_sha256

    def __call__(self, case: str, us: sitk.Image) -> Synthesis:
        """By the function that everybody uses."""
        folder = self.cache / self.settings / kept_name(case, us)
        if not folder.is_dir():
            asked: dict[str, Any] = {"samples": self.samples, "slice_axis": self.slice_axis, "device": self.device}
            made = synthesize(self.bundle, {"us": us}, TARGETS, **asked)
            _keep(Synthesis(made.images, made.uncertainty, made.field_of_view), folder)
        return _read(folder, TARGETS)


@dataclass(frozen=True)
class RunSynthesiser:
    """One training run of any method, and the folder that keeps what it made: one draw a case."""

    run: RunVolumes
    cache: Path

    @property
    def settings(self) -> str:
        return f"{self.weights[:8]}-slices"

    @cached_property
    def weights(self) -> str:
        return self.run.checksum

    def __call__(self, case: str, us: sitk.Image) -> Synthesis:
        """Along the third axis alone, as the run's tables judge it."""
        folder = self.cache / self.settings / kept_name(case, us)
        if not folder.is_dir():
            made = self.run.volumes({"us": us}, ("us",), TARGETS)
            _keep(Synthesis(made.images, {}, made.field_of_view), folder)
        return _read(folder, TARGETS)


def kept_name(case: str, us: sitk.Image) -> str:
    """What the folder of a case's images is called: a case that is simulated anew has its name, and another ultrasound.

    Returns:
        the case's name with a checksum of voxels and grid.
    """
    grid = us.GetPixelIDTypeAsString(), us.GetSize(), us.GetSpacing(), us.GetOrigin(), us.GetDirection()
    found = hashlib.sha256(repr(grid).encode())
    found.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(us)).tobytes())
    return f"{case}-{found.hexdigest()[:8]}"


def _keep(synthesis: Synthesis, folder: Path) -> None:
    """Write all of it under another name first: a folder that is there is whole, whoever else writes it."""
    images = synthesis.images | {f"{name}-uncertainty": image for name, image in synthesis.uncertainty.items()}
    images |= {MASK: synthesis.field_of_view}
    try:
        with whole_folder(folder) as partial:
            write_volumes({partial / f"{name}.nii.gz": image for name, image in images.items()})
    except InputError:
        if not folder.is_dir():  # another process was faster; its images are the same
            raise


def _read(folder: Path, targets: Sequence[str]) -> Synthesis:
    def read(name: str) -> sitk.Image:
        return read_volume(folder / f"{name}.nii.gz", name)

    uncertain = [name for name in targets if (folder / f"{name}-uncertainty.nii.gz").is_file()]
    return Synthesis(
        images={name: read(name) for name in targets},
        uncertainty={name: read(f"{name}-uncertainty") for name in uncertain},
        field_of_view=read(MASK),
    )


@dataclass(frozen=True)
class SynthesisedCase:
    """A simulated case and its synthesis, both on a grid of about 1 mm."""

    simulated: EvaluationCase
    synthesis: Synthesis


def load_case(folder: Path, synthesise: Synthesises) -> SynthesisedCase:
    """Read a case, synthesise it unless that was done before, and bring both to ``SPACING``."""
    case = load_evaluation_case(folder)
    made = synthesise(case.name, case.us)
    mask = coarser(sitk.Cast(made.field_of_view, sitk.sitkFloat32)) > 0.5
    images = {name: coarser(image) for name, image in made.images.items()}
    uncertainty = {name: coarser(image) for name, image in made.uncertainty.items()}
    return SynthesisedCase(replace(case, us=coarser(case.us)), Synthesis(images, uncertainty, mask))


def coarser(image: sitk.Image) -> sitk.Image:
    """The image with as many voxels averaged as give ``SPACING`` mm."""
    factors = [max(1, round(SPACING / spacing)) for spacing in image.GetSpacing()]
    return sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), factors)

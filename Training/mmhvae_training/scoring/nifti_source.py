"""Predictions of another program as NIfTI: ``CASE/INPUTS/TARGET.nii.gz``, such as ``Case001/us+t2/flair.nii.gz``.

INPUTS are modality ids joined by ``+`` in the order us, t2, cet1, flair. Images are harmonised to [0, 1], on the grid
of the prepared case. Subsets and targets that are not there stay empty in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import MODALITIES, field_of_view, read_volume, resampled, same_grid, working_grid

from ..data import TrainingCase, all_slices, case_folders
from ..objective import subsets_of
from .judged_case import SIDE, SPACING_MM, Images, JudgedCase
from .network_source import Prediction

TOLERANCE = 0.01  # by which a voxel may leave [0, 1]


@dataclass(frozen=True)
class NiftiSource:
    """A folder of predictions for the prepared cases in ``cases``; scored at ``spacing`` mm, ``side`` pixels."""

    folder: Path
    cases: Path
    spacing: float = SPACING_MM
    side: int = SIDE
    modalities: tuple[str, ...] = tuple(MODALITIES)

    @property
    def facts(self) -> dict[str, Any]:
        return {"predictions": str(self.folder)}

    def predictions(self, case: JudgedCase) -> Iterator[Prediction]:
        """What there is for a case, whole volumes at a time.

        Raises:
            InputError: nothing, another grid, or voxels outside [0, 1].
        """
        if not (self.folder / case.name).is_dir():
            raise InputError(f"There is no folder {self.folder / case.name} of predictions; make it.")
        files = case_folders(self.cases, self.modalities)[case.name]
        reference = read_volume(next(iter(files.values())))
        grid = working_grid(field_of_view(reference), self.spacing, slice_axis=2)
        found = 0
        for subset in sorted(subsets_of([name for name in self.modalities if name in case.inputs]), key=len):
            folder = self.folder / case.name / "+".join(subset)
            paths = {name: folder / f"{name}.nii.gz" for name in case.truths}
            images = {name: self._slices(path, reference, grid, case) for name, path in paths.items() if path.is_file()}
            found += len(images)
            if images:
                yield Prediction(subset, slice(0, len(case.numbers)), images)
        if not found:
            raise InputError(f"{self.folder / case.name} holds no INPUTS/TARGET.nii.gz, such as us/t2.nii.gz.")

    def _slices(self, path: Path, reference: sitk.Image, grid: sitk.Image, case: JudgedCase) -> Images:
        image = read_volume(path, "prediction")
        if not same_grid(image, reference):
            raise InputError(f"{path} has another grid than the prepared case; write it on the grid of its images.")
        voxels = sitk.GetArrayViewFromImage(image)
        if voxels.min() < -TOLERANCE or voxels.max() > 1 + TOLERANCE:
            raise InputError(f"{path} holds values outside [0, 1]; write harmonised images.")
        volume = np.clip(sitk.GetArrayFromImage(resampled(image, grid)), 0, 1).astype(np.float16)
        batch = all_slices(TrainingCase(case.name, volume > 0, {"image": volume}, {}), self.side)
        slices = batch.inputs["image"][case.numbers, 0].float().numpy()
        return np.where(case.mask, slices, 0).astype(np.float32)

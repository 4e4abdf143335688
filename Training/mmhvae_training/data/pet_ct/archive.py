"""PET/CT as The Cancer Imaging Archive hands it out, DICOM by UID: FDG-PET-CT-Lesions; HNSCC and NSCLC with NAC-PET.

Of a study the CT and PET series with most slices are used, and the segments of its SEG together. A PET series is not
corrected for attenuation ("nac") if its header lists corrections without it, or, where the header has no list, if its
description says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import SimpleITK as sitk
from mmhvae.exceptions import InputError

from ..dicom import DicomSeries, header_of, read_segments, read_series, scan
from .study import ATTENUATION_CORRECTED, Study
from .suv import suv_scale

ATTENUATION = "ATTN"
UNCORRECTED_WORDS = frozenset({"nac", "noac", "nonac", "uncorrected"})


def archive_studies(folder: Path, modalities: Sequence[str]) -> list[Study]:
    """The studies that have any PET; those of a patient are numbered by their UID."""
    studies = []
    for patient, series in scan(folder).items():
        uids = sorted({one.study for one in series if one.modality == "PT"})
        for number, uid in enumerate(uids, start=1):
            own = [one for one in series if one.study == uid]
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", patient) + (f"_{number}" if len(uids) > 1 else "")
            images = {modality: partial(_image, own, modality, name) for modality in modalities}
            drawn = [one for one in own if one.modality == "SEG"]
            studies.append(Study(name, patient, images, partial(_labels, drawn) if drawn else None))
    return studies


def _image(series: Sequence[DicomSeries], modality: str, study: str) -> sitk.Image:
    """HU of the CT, SUV of a PET; of a NAC-PET whose units have no SUV the values as they are."""
    if modality == "ct":
        return read_series(_largest([one for one in series if one.modality == "CT"], modality, study))
    corrected = modality in ATTENUATION_CORRECTED
    chosen = [one for one in series if one.modality == "PT" and is_corrected(one) == corrected]
    pet = _largest(chosen, modality, study)
    headers = [header_of(path, pet.title) for path in pet.files]
    try:
        scale = suv_scale(headers, pet.title)
    except InputError:
        if corrected:
            raise
        scale = 1.0
    return read_series(pet) * scale


def _largest(series: Sequence[DicomSeries], modality: str, study: str) -> DicomSeries:
    if not series:
        raise InputError(f"The study {study} has no {modality.upper()} series; leave it out.")
    return max(series, key=lambda one: len(one.files))


def is_corrected(series: DicomSeries) -> bool:
    """Whether a PET series is corrected for attenuation."""
    corrections = header_of(series.files[0], series.title).get("CorrectedImage")
    if corrections:
        return ATTENUATION in ([corrections] if isinstance(corrections, str) else list(corrections))
    return not UNCORRECTED_WORDS & set(re.split(r"[^a-z]+", series.description.lower()))


def _labels(series: Sequence[DicomSeries]) -> sitk.Image:
    """All segments together."""
    masks: Mapping[str, sitk.Image] = {}
    for one in series:
        masks = {**masks, **{f"{one.uid} {name}": mask for name, mask in read_segments(one).items()}}
    first, *others = masks.values()
    for mask in others:
        first = sitk.Maximum(first, sitk.Resample(mask, first, sitk.Transform(), sitk.sitkNearestNeighbor))
    return first

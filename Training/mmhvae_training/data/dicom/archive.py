"""ReMIND as The Cancer Imaging Archive hands it out -> the layout that :mod:`.remind` reads, one folder a case.

The archive's patient ``ReMIND-001`` is the authors' ``Case001``. MR series are told by their description, the
pre-dura ultrasound (an enhanced multi-frame volume) by its own, tumours by the name of their segment. Only what
training uses is converted. An ultrasound volume's coordinates are taken as the patient's, see
:func:`.volume.placed_in_room`: the published transforms say how the MR lies in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.files import whole_folder
from mmhvae.images import write_volume

from ...records import read_json, write_json
from ..remind import CaseTransforms, read_remind_case
from ..series import REMIND_SERIES
from ..source import SourceCase, attempt
from .index import DicomSeries, scan
from .segmentation import read_segments
from .volume import read_series

CONVERSION = "conversion.json"  # what of the case's DICOM could not be used
RESAMPLED = "-r"  # ending of some series' names in the published transforms, not in DICOM


def dicom_cases(tree: Path) -> dict[str, list[DicomSeries]]:
    """Case name, such as ``Case001``, -> its series.

    Raises:
        InputError: there is no DICOM file, or two patients would have the same name.
    """
    cases: dict[str, list[DicomSeries]] = {}
    for patient, series in scan(tree).items():
        name = case_name(patient)
        if name in cases:
            raise InputError(f"Two patients of {tree} are {name}: {cases[name][0].patient} and {patient}; remove one.")
        cases[name] = series
    return cases


def case_name(patient: str) -> str:
    """``ReMIND-001`` -> ``Case001``; a patient without a number keeps its ID, as far as a folder can have it."""
    number = re.search(r"(\d+)\D*$", patient)
    return f"Case{int(number[1]):03d}" if number else re.sub(r"[^A-Za-z0-9]+", "_", patient) or "Case000"


def read_dicom_case(
    name: str,
    series: Sequence[DicomSeries],
    nrrd: Path,
    transforms: Path,
    labels: Path | None = None,
    again: bool = False,
) -> SourceCase:
    """One case, by way of its folder in ``nrrd``, which is made where it is not there yet.

    Args:
        nrrd: folder that receives ``CaseNNN`` in the authors' layout.
        transforms, labels: see :func:`.remind.read_remind_case`.
        again: make a folder that is there once more.

    Raises:
        InputError: the case has no pre-dura ultrasound that can be read, or its folder cannot be written or is not
            of DICOM.
    """
    folder = nrrd / name
    if folder.exists() and not (folder / CONVERSION).is_file():
        raise InputError(f"{folder} was not made of DICOM; choose a new folder for --remind, or leave out --dicom.")
    if again or not folder.exists():
        convert(folder, series, CaseTransforms(transforms, name))
    said = read_json(folder / CONVERSION, list, "remove the case's folder, then read it again.", [str])
    case = read_remind_case(folder, transforms, labels)
    return replace(case, problems=(*said, *case.problems))


def convert(folder: Path, series: Sequence[DicomSeries], published: CaseTransforms) -> None:
    """Write what training uses of the series as NRRD, whole or not at all, and what could not be used beside it.

    Raises:
        InputError: there is no pre-dura ultrasound that can be read, or the folder cannot be written.
    """
    problems: list[str] = []
    with whole_folder(folder, replace=True) as temporary:
        for path, volume in _volumes(folder.name, series, published, problems):
            (temporary / path).parent.mkdir(exist_ok=True)
            write_volume(volume, temporary / path)
        write_json(problems, temporary / CONVERSION)


def _volumes(
    case: str, series: Sequence[DicomSeries], published: CaseTransforms, problems: list[str]
) -> Iterator[tuple[Path, sitk.Image]]:
    """Path within the case's folder, and volume, of all that can be read; sentences on the rest go to ``problems``."""
    ultrasound = [one for one in series if is_predura(one)]
    if not ultrasound:
        raise InputError(f"{case} has no pre-dura ultrasound among its DICOM series; leave the case out.")
    if len(ultrasound) > 1:
        problems.append(f"{case} has {len(ultrasound)} pre-dura ultrasounds; the first one is used.")
    yield Path("Intraop-US") / f"{case}-intraop-US-pre_dura.nrrd", read_series(ultrasound[0])
    names = _mr_names(case, series, {one.study for one in ultrasound}, published, problems)
    for one in (one for one in series if one.uid in names and is_wanted(one)):
        volume = attempt(problems, read_series, one)
        if volume is not None:
            yield Path("Preop-MR") / f"{names[one.uid]}.nrrd", volume
    for one in (one for one in series if one.modality == "SEG"):
        yield from _tumours(one, names, problems)


def is_predura(series: DicomSeries) -> bool:
    """Whether it is the ultrasound before the dura was opened: ``USpredura``, ``US-pre_dura``, ..."""
    return series.modality == "US" and "predura" in re.sub(r"[^a-z]", "", series.description.lower())


def is_wanted(series: DicomSeries) -> bool:
    """Whether the description is that of a modality's series."""
    return any(rule.accepts(series.description) for rule in REMIND_SERIES.values())


def _mr_names(
    case: str,
    series: Sequence[DicomSeries],
    operation: set[str],
    published: CaseTransforms,
    problems: list[str],
) -> dict[str, str]:
    """UID -> the authors' name of every pre-operative MR series; of two with one name, the first series' is used."""
    names: dict[str, str] = {}
    for one in (one for one in series if one.modality == "MR" and is_preoperative(one, operation)):
        title = re.sub(r"[^A-Za-z0-9_.-]+", "_", one.description)
        name = _published_name(published, f"{case}-preop-MR-{title}")
        if name not in names.values():
            names[one.uid] = name
        elif is_wanted(one):
            problems.append(f"{case} has several series '{one.description}'; the first one is used.")
    return names


def is_preoperative(series: DicomSeries, operation: set[str]) -> bool:
    """By what study or series say; where they say nothing, whether it is of another study than the ultrasound."""
    said = f"{series.study_description} {series.description}".lower()
    if "preop" in said or "pre-op" in said:
        return True
    return "intraop" not in said and "intra-op" not in said and series.study not in operation


def _published_name(published: CaseTransforms, name: str) -> str:
    """The name that the transforms have for a series: its own, or the one that ends in ``-r``."""
    for candidate in (name, name + RESAMPLED):
        if attempt([], published.to_series, candidate) is not None:
            return candidate
    return name


def _tumours(series: DicomSeries, names: dict[str, str], problems: list[str]) -> Iterator[tuple[Path, sitk.Image]]:
    """The tumours that one segmentation of a pre-operative MR holds."""
    drawn_on = next((names[uid] for uid in series.references if uid in names), None)
    if drawn_on is None:
        return
    for label, mask in (attempt(problems, read_segments, series) or {}).items():
        words = set(re.split(r"[^a-z]+", label.lower()))
        if words & {"tumor", "tumour"} and not words & {"residual", "cavity"}:
            kind = "SEG-tumor_target" if "target" in words else "SEG-tumor"
            yield Path("Annotations") / f"{drawn_on.replace('preop-MR', f'preop-{kind}-MR')}.nrrd", mask

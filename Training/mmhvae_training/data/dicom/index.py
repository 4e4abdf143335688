"""A DICOM tree, whatever its folders are called: which series there are, by patient, and their files.

The Cancer Imaging Archive names folders and files by UID or number, so that only the headers tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmhvae.exceptions import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

TAGS = (
    "PatientID", "StudyInstanceUID", "StudyDescription", "SeriesInstanceUID", "SeriesDescription", "SeriesNumber",
    "Modality", "ReferencedSeriesSequence",
)  # fmt: skip


@dataclass
class DicomSeries:
    """One series: what its headers say, and its files.

    Attributes:
        number: of the series; those without one come last.
        references: UIDs of the series that it is about, a segmentation's images.
        broken: files in its folder that cannot be read.
    """

    uid: str
    patient: str
    study: str
    study_description: str
    description: str
    number: float
    modality: str
    references: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return f"series '{self.description}' of {self.patient}"


def require_pydicom() -> None:
    """Raise :class:`InputError` where the library that reads DICOM is not installed."""
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise InputError("DICOM needs the package pydicom; install it with: pip install pydicom") from error


def scan(tree: Path) -> dict[str, list[DicomSeries]]:
    """Patient -> series by number and description, of all DICOM files at any depth; other files are passed over.

    Raises:
        InputError: there is no DICOM file, or pydicom is not installed.
    """
    require_pydicom()
    found: dict[str, DicomSeries] = {}
    broken: list[Path] = []
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        header = _header(path, broken)
        if header is not None:
            found.setdefault(str(header.SeriesInstanceUID), _series(header)).files.append(path)
    if not found:
        raise InputError(f"The folder {tree} holds no DICOM file; give the one that the archive's download made.")
    _share_out(broken, found.values())
    patients: dict[str, list[DicomSeries]] = defaultdict(list)
    for series in sorted(found.values(), key=lambda s: (s.number, s.description, s.uid)):
        patients[series.patient].append(series)
    return dict(sorted(patients.items()))


def _header(path: Path, broken: list[Path]) -> Dataset | None:
    """What of the header is asked for; None where the file is no DICOM, or is ``broken``."""
    from pydicom import dcmread
    from pydicom.misc import is_dicom

    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS)) if is_dicom(path) else None
    except Exception:  # damage has many kinds of exception
        broken.append(path)
        return None
    if header is not None and not header.get("SeriesInstanceUID"):  # cut off before it, or no image's
        broken.append(path)
        return None
    return header


def _series(header: Dataset) -> DicomSeries:
    def text(name: str) -> str:
        return str(header.get(name) or "").strip()

    references = [str(item.get("SeriesInstanceUID")) for item in header.get("ReferencedSeriesSequence") or []]
    return DicomSeries(
        uid=text("SeriesInstanceUID"),
        patient=text("PatientID"),
        study=text("StudyInstanceUID"),
        study_description=text("StudyDescription"),
        description=text("SeriesDescription"),
        number=float(header.get("SeriesNumber") or float("inf")),
        modality=text("Modality"),
        references=tuple(references),
    )


def _share_out(broken: Iterable[Path], found: Iterable[DicomSeries]) -> None:
    """Tell every series of the unreadable files in the folders that its own files lie in."""
    folders: dict[Path, list[DicomSeries]] = defaultdict(list)
    for series in found:
        for folder in {path.parent for path in series.files}:
            folders[folder].append(series)
    for path in broken:
        for series in folders[path.parent]:
            series.broken.append(path)

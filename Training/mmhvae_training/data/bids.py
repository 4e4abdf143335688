"""BIDS derivatives: ``sub-01[/ses-preop]/anat/sub-01_ses-preop_ce-gd_space-us_desc-preproc_T1w.nii.gz``.

The images of a case are taken to be co-registered. T2w, FLAIR and contrast-enhanced T1w (``ce-...``) are what BIDS
names so; ultrasound, for which it has no name, is a file that ends in ``_us``. Of several files for one modality the
finest serves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from mmhvae.exceptions import InputError

from .source import SourceCase, SourceImage, finest

SUFFIXES = {"T2w": "t2", "FLAIR": "flair", "us": "us"}
TUMOUR_WORDS = ("tumor", "tumour", "lesion")
LABEL_WORDS = ("synthseg", "aseg")


@dataclass(frozen=True)
class BidsName:
    """The entities (``sub``, ``ses``, ``ce``, ...) and the suffix of a file's name."""

    path: Path
    entities: dict[str, str]
    suffix: str

    @property
    def case(self) -> str:
        return "_".join(f"{key}-{self.entities[key]}" for key in ("sub", "ses") if key in self.entities)

    @property
    def modality(self) -> str | None:
        if self.suffix == "T1w":
            return "cet1" if self.entities.get("ce", "none").lower() not in ("none", "no") else None
        return SUFFIXES.get(self.suffix)

    def is_map_of(self, words: tuple[str, ...]) -> bool:
        """Whether it is a segmentation or mask that one of its entities says to be of ``words``."""
        said = [value.lower() for value in self.entities.values()]
        return self.suffix in ("dseg", "mask") and any(word in value for value in said for word in words)


def parse_name(path: Path) -> BidsName | None:
    """The parts of a NIfTI's BIDS name; None where it is not one."""
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    *parts, suffix = stem.split("_")
    entities = dict(part.split("-", 1) for part in parts if "-" in part)
    return BidsName(path, entities, suffix) if "sub" in entities and len(entities) == len(parts) else None


def bids_cases(folder: Path, space: str | None = None) -> list[SourceCase]:
    """All subjects, a case a session.

    Args:
        space: value of ``space-`` that images must have, where they come in several.

    Raises:
        InputError: no file has a BIDS name.
    """
    names = [name for name in map(parse_name, sorted(folder.glob("sub-*/**/*.nii*"))) if name is not None]
    groups: dict[str, list[BidsName]] = defaultdict(list)
    for name in names:
        groups[name.case].append(name)
    if not groups:
        raise InputError(f"The data set {folder} is empty; give a BIDS derivative, with sub-01, sub-02, ...")
    return [_case(case, found, space) for case, found in groups.items()]


def _case(case: str, found: list[BidsName], space: str | None) -> SourceCase:
    problems: list[str] = []
    chosen = [name for name in found if name.entities.get("space") == space] if space else found
    spaces = sorted({name.entities.get("space", "its own") for name in chosen if name.modality})
    if len(spaces) > 1:
        problems.append(f"{case} has images in the spaces {', '.join(spaces)}; name one with --space.")
        return SourceCase(case, {}, problems=tuple(problems))
    files = defaultdict(list)
    for name in chosen:
        if name.modality:
            files[name.modality].append(name.path)
    best = {modality: finest(paths, problems) for modality, paths in files.items()}
    labels = next((name.path for name in chosen if name.is_map_of(LABEL_WORDS)), None)
    tumour = next((name.path for name in chosen if name.is_map_of(TUMOUR_WORDS)), None)
    images = {modality: SourceImage(path, labels=labels) for modality, path in best.items() if path is not None}
    return SourceCase(case, images, SourceImage(tumour) if tumour else None, tuple(problems))

"""BraTS file names of all years: ``BraTS20_Training_001_t1ce.nii.gz``, ``BraTS-GLI-00005-000-t2f.nii.gz``.

T1 without contrast agent is left aside. All images of a case share one grid.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmhvae.exceptions import InputError

from .source import SourceCase, SourceImage

ENDINGS = {
    "t1ce": "cet1", "t1c": "cet1", "t1gd": "cet1",
    "t2": "t2", "t2w": "t2",
    "flair": "flair", "t2f": "flair",
    "t1": None, "t1n": None,
    "seg": "tumour",
}  # fmt: skip
_NAME = re.compile(rf"(?P<case>.+)[-_](?P<ending>{'|'.join(ENDINGS)})\.nii(\.gz)?", re.IGNORECASE)


def brats_cases(folder: Path) -> list[SourceCase]:
    """Every case below ``folder``, however deep.

    Raises:
        InputError: no file is named so.
    """
    images: dict[str, dict[str, SourceImage]] = {}
    for path in sorted(folder.rglob("*.nii*")):
        match = _NAME.fullmatch(path.name)
        kind = ENDINGS[match["ending"].lower()] if match else None
        if match and kind:
            images.setdefault(match["case"], {})[kind] = SourceImage(path)
    if not images:
        raise InputError(f"The data set {folder} is empty; give a folder with files such as CASE_t1ce.nii.gz.")
    return [SourceCase(case, found, found.pop("tumour", None)) for case, found in images.items()]

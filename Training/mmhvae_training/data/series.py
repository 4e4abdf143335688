"""Which series of a ReMIND case serves as which modality: rules on file names, then the finest spacing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .source import finest


@dataclass(frozen=True)
class SeriesRule:
    """Words that a file's name must all hold, and words of which it may hold none; case does not matter."""

    wanted: frozenset[str]
    unwanted: frozenset[str] = frozenset()

    def accepts(self, name: str) -> bool:
        words = set(re.split(r"[^a-z0-9]+", name.lower()))
        return self.wanted <= words and not self.unwanted & words


#: Label maps may lie beside the images.
_NO_IMAGE = frozenset({"seg", "synthseg", "label", "labels", "mask"})
#: ReMIND's names, such as ``Case001-preop-MR-3D_AX_T1_postcontrast-r.nrrd``.
REMIND_SERIES = {
    "t2": SeriesRule(frozenset({"3d", "t2", "space"}), _NO_IMAGE | {"flair"}),
    "cet1": SeriesRule(frozenset({"3d", "t1", "postcontrast"}), _NO_IMAGE),
    "flair": SeriesRule(frozenset({"3d", "flair"}), _NO_IMAGE),
}


def pick_series(paths: Iterable[Path], problems: list[str]) -> dict[str, Path]:
    """Modality -> the file of finest spacing among those that its rule accepts; a modality may be missing."""
    files = list(paths)
    picked = {}
    for modality, rule in REMIND_SERIES.items():
        best = finest([path for path in files if rule.accepts(path.stem)], problems)
        if best is not None:
            picked[modality] = best
    return picked

"""What a model is for, as its manifest says under "outlines"; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from ..exceptions import InputError

OUTLINES = "outlines"
#: What the manifests of a segmenter of ultrasound and of a brain extractor say that they outline; a segmenter of MR
#: names its nested regions.
TUMOUR_IN_ULTRASOUND = "tumour in ultrasound"
BRAIN = "brain"


class ModelKind(Enum):
    """What a model is for; the value ends the sentence "It is a model that ..."."""

    SYNTHESIS = "synthesises images"
    MR_SEGMENTER = "outlines tumours in MR"
    ULTRASOUND_SEGMENTER = "outlines tumours in ultrasound"
    BRAIN_EXTRACTOR = "finds the brain in MR"


def kind_of(manifest: Mapping[str, Any]) -> ModelKind:
    """What the model of that manifest is for; whether it is sound is for those who load it to say."""
    if OUTLINES not in manifest:
        return ModelKind.SYNTHESIS
    if manifest[OUTLINES] == [BRAIN]:
        return ModelKind.BRAIN_EXTRACTOR
    in_ultrasound = manifest[OUTLINES] == [TUMOUR_IN_ULTRASOUND]
    return ModelKind.ULTRASOUND_SEGMENTER if in_ultrasound else ModelKind.MR_SEGMENTER


def require_kind(manifest: Mapping[str, Any], wanted: ModelKind, source: str | Path) -> None:
    """Raise :class:`InputError`, which names ``source``, unless the model is of that kind."""
    found = kind_of(manifest)
    if found is not wanted:
        raise InputError(f"{source} is a model that {found.value}; choose one that {wanted.value}.")

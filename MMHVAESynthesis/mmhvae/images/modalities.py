"""The images the model knows - us, t2, cet1, flair - and which of them a file's or a node's name stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from ..exceptions import InputError


@dataclass(frozen=True)
class Modality:
    """One kind of image: its ``id`` in code and files, its ``name`` as shown to people, and whether it is MR."""

    id: str
    name: str
    is_mr: bool


#: Every modality by its id, in the order of the released model.
MODALITIES: Mapping[str, Modality] = MappingProxyType(
    {
        known.id: known
        for known in (
            Modality("us", "iUS", is_mr=False),
            Modality("t2", "T2", is_mr=True),
            Modality("cet1", "ceT1", is_mr=True),
            Modality("flair", "FLAIR", is_mr=True),
        )
    }
)
#: The ids of the MRs, in that order.
MR_MODALITIES: tuple[str, ...] = tuple(known.id for known in MODALITIES.values() if known.is_mr)


def modality(modality_id: str) -> Modality:
    """The modality of that id; an :class:`InputError` that lists the valid ids where there is none."""
    if modality_id in MODALITIES:
        return MODALITIES[modality_id]
    nearest = _nearest(modality_id)
    hint = f", did you mean {nearest}?" if nearest else "."
    raise InputError(f"Unknown modality '{modality_id}': use one of {', '.join(MODALITIES)}{hint}")


def _nearest(text: str) -> str | None:
    spellings = {known.name.lower(): known.id for known in MODALITIES.values()} | {key: key for key in MODALITIES}
    matches = get_close_matches(text.lower(), spellings, n=1)
    return spellings[matches[0]] if matches else guess_modality(text)


# What is derived from an image, or is another contrast that shares a modality's name, is not an input of the model.
_NOT_AN_IMAGE = re.compile(
    r"\b(seg\w*|\w*labels?|labelmap|\w*masks?|roi|outline|landmarks?|transform|tfm|uncertainty|std|difference|diff|"
    r"subtract\w*|subtraction|synthetic|synthesi[sz]ed|localizer|localiser|scout|survey|map|maps|mapping|"
    r"adc|dwi|dti|trace|diffusion|perfusion|swi|swan|gre|star|hemo)\b"
)
# "Before" and "after" something other than contrast agent say nothing about contrast agent.
_STAGE = re.compile(
    r"\b(pre|post|intra) ?(op|ops|operative|operatively|operation|resection|surgery|surgical|dura|durotomy|imri|mri|mr|"
    r"biopsy|treatment|therapy|radiation|rt|chemo|processed|processing)\b"
)
_CONTRAST = re.compile(
    r"\b(c|ce|gd|gad|gado|gadolinium|gadovist|dotarem|km|contrast|contr|enhanced|post|"
    r"post(contrast|gd|gad|gado|gadolinium|con|contr))\b|\+"
)
_NO_CONTRAST = re.compile(
    r"\b(pre|pre(contrast|gd|gad|gado|gadolinium|con|contr)|without|w o|wo|no|non|nongad|noncontrast|unenhanced|"
    r"plain|native?)\b"
)
_ULTRASOUND = re.compile(
    r"\b((\dd)?(i|io|intraop)?us\d*|us(pre|post|before|after|during)\w*|\w*ultrasound|(ultra)?sonograph\w*|"
    r"b ?mode|sweep\d*)\b"
)
_FLAIR = re.compile(r"\b\w*flair\w*\b|\bdark ?fluid\b|\bt2 f\b")
_T1 = re.compile(r"\bt1\b|\b(mprage|f?spgr|bravo)\b")
_T2 = re.compile(r"\bt2\b")


def guess_modality(text: str) -> str | None:
    """The id of the modality that a file's name, a node's name or a DICOM series description stands for.

    None where the text names no modality of the model or several of them, names T1 without contrast agent, or
    names what is not an acquired image (a segmentation, a mask, a synthetic image, ...).
    """
    words = _words(text)
    if _NOT_AN_IMAGE.search(words) or "*" in words:
        return None
    named: set[str | None] = set()
    if _ULTRASOUND.search(words):
        named.add("us")
    if _T1.search(words):  # "T1 FLAIR" is a T1-weighted image
        named.add("cet1" if _has_contrast(words) else None)
        words = _FLAIR.sub(" ", words)
    if _FLAIR.search(words):
        named.add("flair")
    elif _T2.search(words):
        named.add("t2")
    return named.pop() if len(named) == 1 else None


def _has_contrast(words: str) -> bool:
    return bool(_CONTRAST.search(words)) and not _NO_CONTRAST.search(words)


def _words(text: str) -> str:
    """Lower-case words separated by single spaces; T1 and T2 always stand alone, whatever they were glued to."""
    if re.search(r"\.(nii|nrrd|nhdr|mha|mhd|hdr|img|dcm|mgz|nii\.gz)$", text, re.IGNORECASE):
        text = re.split(r"[\\/]", text)[-1]  # only a file's own name counts, not its folders'
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    text = re.sub(r"(?<=\s)-c\b", " without c ", text)
    text = re.sub(r"[^a-z0-9+*]+", " ", text)
    text = re.sub(r"\b((?:[23]d|ax|axial|tra|sag|cor|ce|c|gd|gad|post|pre)*)t([12])(?!\d)", r"\1 t\2 ", text)
    return re.sub(" +", " ", _STAGE.sub(" ", text)).strip()

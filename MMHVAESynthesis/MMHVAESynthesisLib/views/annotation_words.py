"""The words of the texts in the slice views: what is synthetic, what is not registered, which side is which."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
import slicer
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

from ..nodes import to_array
from ..synthesis import KIND, MODALITY, STALE, is_synthetic

#: Parts of one line that stand under each other, at most.
MOST_BREAKS = 4
#: From this cosine on, a direction is named with a second letter.
_OBLIQUE = 0.3


def synthetic_volumes(composite: Any) -> list[Any]:
    """Volumes in the view that were never measured, the one on top first."""
    return [node for node in shown_volumes(composite) if is_synthetic(node)]


def shown_volumes(composite: Any) -> list[Any]:
    """Volumes in the view, the one on top first; those that are transparent do not count."""
    layers = [
        (composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()),
        (composite.GetLabelVolumeID(), composite.GetLabelOpacity()),
        (composite.GetBackgroundVolumeID(), 1.0),
    ]
    nodes = [slicer.mrmlScene.GetNodeByID(volume) for volume, opacity in layers if volume and opacity > 0]
    return [node for node in nodes if node is not None]


def lines_about(volumes: list[Any]) -> list[str]:
    if not volumes:
        return []
    names = ", ".join(_names_of(volumes))
    lines = [_("SYNTHETIC {contrast} - not approved for clinical use").format(contrast=names)]
    return lines + ([_("STALE - press Apply again")] if any(node.GetAttribute(STALE) for node in volumes) else [])


def _names_of(volumes: list[Any]) -> list[str]:
    """What is synthetic: images by their contrast, and uncertainty alone as what it is."""
    images = [node.GetAttribute(MODALITY) for node in volumes if node.GetAttribute(KIND) == "image"]
    alone = [node.GetAttribute(MODALITY) for node in volumes if node.GetAttribute(MODALITY) not in images]
    names = [MODALITIES[name].name for name in dict.fromkeys(images) if name in MODALITIES]
    uncertain = _("uncertainty of {contrast}")
    return names + [uncertain.format(contrast=MODALITIES[n].name) for n in dict.fromkeys(alone) if n in MODALITIES]


def lines_about_unregistered(names: list[str]) -> list[str]:
    return [_("NOT REGISTERED, dashed: {names}").format(names=", ".join(names))] if names else []


def broken(line: str, letters: int) -> list[str]:
    """A line, or where it is longer than so many letters its parts: first at a dash or colon, then between words."""
    if len(line) <= letters:
        return [line]
    parts = re.split(r" - |(?<=:) ", line, maxsplit=1)
    wrapped = textwrap.TextWrapper(max(letters, 8), max_lines=MOST_BREAKS, placeholder=" \N{HORIZONTAL ELLIPSIS}")
    return [piece for part in parts for piece in wrapped.wrap(part)]


def edge_letters(slice_node: Any) -> dict[str, str]:
    """The side of the patient at each edge of a view: R, L, A, P, S, I, or two of them where the slice is oblique."""
    axes = to_array(slice_node.GetSliceToRAS())[:3, :2].T
    right, top = (axis / max(float(np.linalg.norm(axis)), 1e-12) for axis in axes)
    return {
        "left": _sides(-right),
        "right": _sides(right),
        "top": _sides(top),
        "bottom": _sides(-top),
    }


def _sides(direction: Any) -> str:
    order = np.argsort(-np.abs(direction))
    named = [axis for axis in order[:2] if abs(direction[axis]) >= _OBLIQUE]
    return "".join("LPI"[axis] if direction[axis] < 0 else "RAS"[axis] for axis in named)

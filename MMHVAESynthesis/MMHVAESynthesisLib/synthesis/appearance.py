"""How results look when they are new: window and level, and the colours of uncertainty. The user may change it all."""

from __future__ import annotations

from typing import Any

import slicer
from mmhvae.images import WHITE_MATTER_LEVEL
from slicer.i18n import tr as _

#: White matter is shown at this share of the window, as radiologists are used to it.
WHITE_MATTER_SHOWN = 0.35
#: The uncertainty (standard deviation, share of the range) that gets the last colour.
LARGEST_UNCERTAINTY = 0.05
#: Contours of the uncertainty are drawn at these values.
LEVELS = (0.01, 0.02, 0.04)
#: Blue through grey to yellow: lightness rises evenly, and no two are confused by the colour-blind.
_ANCHORS = ((0.0, 0.13, 0.30), (0.25, 0.29, 0.42), (0.49, 0.48, 0.47), (0.73, 0.67, 0.42), (1.0, 0.92, 0.27))
_COLOURS = 256


def set_up_image(node: Any, modality: str) -> None:
    """Window and level for values harmonised to [0, 1]."""
    upper = min(1.0, WHITE_MATTER_LEVEL.get(modality, 1.0) / WHITE_MATTER_SHOWN)
    _set_range(node.GetDisplayNode(), 0.0, upper)


def set_up_uncertainty(node: Any) -> None:
    """Colours from 0 to ``LARGEST_UNCERTAINTY``; nothing outside the field of view, where it is exactly 0."""
    display = node.GetDisplayNode()
    _set_range(display, 0.0, LARGEST_UNCERTAINTY)
    display.SetAndObserveColorNodeID(uncertainty_colours().GetID())
    display.SetLowerThreshold(1e-9)
    display.SetUpperThreshold(1e6)
    display.SetApplyThreshold(True)


def _set_range(display: Any, lower: float, upper: float) -> None:
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(lower, upper)


def uncertainty_colours() -> Any:
    """The colour table of uncertainty, one a scene."""
    shares = [index / (_COLOURS - 1) for index in range(_COLOURS)]
    colours = [(_word(share), (*_colour(share), 1.0)) for share in shares]
    return _table("MMHVAEUncertainty", _("Uncertainty"), colours)


def level_colours() -> Any:
    """The colour table of the uncertainty's contours: 0 is below all ``LEVELS``, and not drawn."""
    colours = [("", (0.0, 0.0, 0.0, 0.0))]
    for number in range(len(LEVELS)):
        share = (number + 1) / len(LEVELS)
        colours.append((_word(number / (len(LEVELS) - 1)), (*_colour(share), 1.0)))
    return _table("MMHVAEUncertaintyLevels", _("Uncertainty contours"), colours)


def legend_entries(is_contours: bool) -> list[tuple[str, tuple[float, float, float]]]:
    """What the colours of uncertainty mean, the largest first: of its contours, or in the middle of each third."""
    shares = [(number + 1) / len(LEVELS) for number in range(len(LEVELS))] if is_contours else [1 / 6, 1 / 2, 5 / 6]
    return [(_word(number / (len(shares) - 1)), _colour(share)) for number, share in reversed([*enumerate(shares)])]


def _word(share: float) -> str:
    """How uncertain: words, since a share of a harmonised range tells a surgeon nothing."""
    return _("low") if share < 1 / 3 else _("medium") if share < 2 / 3 else _("high")


def _table(tag: str, name: str, colours: list[tuple[str, tuple[float, float, float, float]]]) -> Any:
    table = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLColorTableNode")
    if table is not None:
        return table
    table = slicer.mrmlScene.CreateNodeByClass("vtkMRMLColorTableNode")
    table.UnRegister(None)
    table.SetName(name)
    table.SetSingletonTag(tag)
    table.SetTypeToUser()
    table.SetNumberOfColors(len(colours))
    for index, (text, colour) in enumerate(colours):
        table.SetColor(index, text, *colour)
    return slicer.mrmlScene.AddNode(table)


def _colour(share: float) -> tuple[float, float, float]:
    place = share * (len(_ANCHORS) - 1)
    index = min(int(place), len(_ANCHORS) - 2)
    part = place - index
    red, green, blue = (a + part * (b - a) for a, b in zip(_ANCHORS[index], _ANCHORS[index + 1], strict=True))
    return red, green, blue

"""A contact sheet: each volume of real ultrasound in the slice with most of its outline, the outline over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.images import largest_section, to_slices
from numpy.typing import NDArray

from ..scoring import new_figure, save_figure, show_slice
from .real_outlines import RealOutline

COLUMNS = 6
#: Told apart by colour-blind eyes, and by dashes.
COMPUTED, BY_EYE = "#ff9f1c", "#2ec4ff"


def draw_contact_sheet(outlines: Mapping[str, RealOutline], path: Path) -> None:
    """Write a PNG: solid what was found in the ultrasound, dashed where somebody sees the tumour.

    Raises:
        InputError: the file cannot be written.
    """
    columns = min(COLUMNS, len(outlines))
    figure, axes = new_figure(-(-len(outlines) // columns), columns, 2.0)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, outline) in zip(axes.flat, outlines.items(), strict=False):
        _draw(axis, name, outline)
    save_figure(figure, path)


def shown_section(outline: RealOutline) -> tuple[int, int]:
    """Axis and slice to show: with most of the outline, else of what was set by eye, else of the field of view."""
    candidates = (outline.found.labels, outline.by_eye, outline.found.field_of_view)
    arrays = (sitk.GetArrayViewFromImage(image) for image in candidates if image is not None)
    return largest_section(next(array for array in arrays if array.any()))


def _draw(axis: Any, name: str, outline: RealOutline) -> None:
    along, index = shown_section(outline)

    def section(image: sitk.Image) -> NDArray[Any]:
        return np.asarray(to_slices(sitk.GetArrayFromImage(image), along)[index])

    seen = section(outline.found.field_of_view) > 0
    rows, columns = (np.flatnonzero(seen.any(axis=a)) for a in (1, 0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    show_slice(axis, section(outline.us)[window].astype(np.float32), _title(name, outline), seen[window])
    spacing = [size for number, size in enumerate(outline.us.GetSpacing()) if number != along]
    axis.set_aspect(spacing[0] / spacing[1])
    for image, colour, style in ((outline.found.labels, COMPUTED, "solid"), (outline.by_eye, BY_EYE, "dashed")):
        lying = None if image is None else section(image)[window] > 0
        if lying is not None and lying.any():
            axis.contour(lying, [0.5], colors=colour, linestyles=style, linewidths=1.2)


def _title(name: str, outline: RealOutline) -> str:
    return f"{name}: {outline.found.volume_ml:.1f} ml" if outline.found.volume_ml else f"{name}: nothing found"

"""What the figures share: dark canvases, grey slices, files written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmhvae.files import whole_file
from mmhvae.images import MODALITIES
from numpy.typing import NDArray

DARK = "#101418"


def new_figure(rows: int, columns: int, size: float = 2.3) -> tuple[Figure, Any]:
    """A dark figure and its axes, always (rows, columns)."""
    figure = Figure(figsize=(size * columns, (size + 0.25) * rows), facecolor=DARK, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_slice(
    axis: Any,
    image: NDArray[np.float32],
    title: str,
    mask: NDArray[np.bool_],
    limits: tuple[float, float] | None = None,
) -> None:
    """A slice (H, W), or (H, W, 3) colours in [0, 1], cut to its field of view; dark outside it."""
    rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    low, high = limits or (0.0, max(float(np.percentile(image[mask], 99.5)), 1e-3))
    if image.ndim == 2:
        axis.imshow(np.where(mask, image, np.nan)[window], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    else:
        axis.imshow(np.where(mask[..., None], image, 0.07)[window], interpolation="nearest")
    axis.set_title(title, color="white", fontsize=9)
    axis.set_facecolor(DARK)
    axis.set_axis_off()


def shown_name(modality: str) -> str:
    """As people write it: T2 for t2."""
    return MODALITIES[modality].name if modality in MODALITIES else modality


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all; raises :class:`InputError` where that is impossible."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110, facecolor=DARK, format="png")

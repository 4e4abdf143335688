"""One figure that tells the demo's story: what the ultrasound shows, what was synthesised, how sure, and where
the tumour's outline lies before and after registration.

Needs matplotlib, which the core otherwise does without: ``pip install mmhvae[figures]``.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..files import whole_file
from ..images import largest_section, to_slices
from ..synthesis import SynthesisResult

NAMES = {"t2": "T2", "cet1": "ceT1", "flair": "FLAIR"}
BEFORE, AFTER, TRUE = "#ff9f1c", "#2ec4ff", "#ffffff"  # told apart by colour-blind eyes, and by dashes
DARK = "#101418"


@dataclass(frozen=True)
class StoryFigure:
    """What the figure shows; every image is on the ultrasound's grid."""

    us: sitk.Image
    result: SynthesisResult
    truths: dict[str, sitk.Image]
    tumours: dict[str, sitk.Image]
    summary: dict[str, Any]


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_story(story: StoryFigure, path: Path) -> None:
    """Draw the slice with the largest tumour area as a PNG.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9.6), facecolor=DARK)
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, 4, gridspec_kw={"wspace": 0.03, "hspace": 0.16})
    _fill(figure, axes, story)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110, facecolor=DARK, format="png")


def _fill(figure: Any, axes: Any, story: StoryFigure) -> None:
    along, index, window = _view(story)

    def cut(image: sitk.Image) -> NDArray[np.float32]:
        plane = to_slices(sitk.GetArrayFromImage(image), along)[index]
        return np.asarray(plane[window], np.float32)

    visible = cut(story.result.field_of_view) > 0
    tre = story.summary["tre_mm"]
    _show(axes[0, 0], cut(story.us), "Ultrasound: what is there", visible)
    for column, (name, word) in enumerate(NAMES.items(), start=1):
        quality = story.summary["targets"][name]
        truth = cut(story.truths[name])
        limits = (0.0, float(np.percentile(truth[visible], 99.5)))  # one for both, or they could not be compared
        _show(axes[0, column], cut(story.result.images[name]), f"SYNTHETIC {word}", visible, limits)
        _show(axes[1, column], truth, f"true {word}   (PSNR {quality['psnr']:.1f} dB)", visible, limits)
        _uncertainty(figure, axes[2, column], cut(story.result.uncertainty[name]), word, visible)
    _outlines(axes[1, 0], story, cut, visible, "before", BEFORE, f"Tumour outline before: {tre['before']:.1f} mm off")
    _outlines(axes[2, 0], story, cut, visible, "after", AFTER, f"after registration: {tre['synthesis']:.1f} mm off")
    figure.suptitle(
        "Simulated case. Synthetic images, not approved for clinical use.", color="white", fontsize=13, y=0.955
    )


def _view(story: StoryFigure) -> tuple[int, int, tuple[slice, slice]]:
    """Axis and slice with the largest tumour area, and the window of the field of view in it."""
    axis, index = largest_section(sitk.GetArrayFromImage(story.tumours["true"]))
    visible = to_slices(sitk.GetArrayFromImage(story.result.field_of_view), axis)[index] > 0
    rows, columns = (np.flatnonzero(visible.any(axis=a)) for a in (1, 0))
    return axis, index, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))


def _show(
    axis: Any,
    image: NDArray[np.float32],
    title: str,
    visible: NDArray[np.bool_],
    limits: tuple[float, float] | None = None,
) -> None:
    low, high = limits or (0.0, float(np.percentile(image[visible], 99.5)))
    shown = np.where(visible, image, np.nan)
    axis.imshow(shown, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axis.set_title(title, color="white", fontsize=11)
    axis.set_facecolor(DARK)
    axis.set_axis_off()


def _uncertainty(figure: Any, axis: Any, image: NDArray[np.float32], word: str, visible: NDArray[np.bool_]) -> None:
    most = max(float(np.percentile(image[visible], 99.5)), 0.01)
    shown = axis.imshow(np.where(visible, image, np.nan), cmap="inferno", vmin=0, vmax=most, interpolation="nearest")
    axis.set_title(f"uncertainty of {word}", color="white", fontsize=11)
    axis.set_axis_off()
    bar = figure.colorbar(shown, cax=axis.inset_axes((0.2, -0.05, 0.6, 0.03)), orientation="horizontal")
    bar.set_ticks([0, most])
    bar.set_ticklabels(["0", f"{most:.2f}"])
    bar.ax.tick_params(colors="white", labelsize=8)


def _outlines(
    axis: Any, story: StoryFigure, cut: Any, visible: NDArray[np.bool_], moment: str, colour: str, title: str
) -> None:
    """The outline of the pre-operative tumour over the ultrasound: true (dashed white), and as it lies."""
    _show(axis, cut(story.us), title, visible)
    axis.contour(cut(story.tumours["true"]) > 0, [0.5], colors=TRUE, linestyles="dashed", linewidths=1.2)
    lying = cut(story.tumours[moment]) > 0
    if lying.any():
        axis.contour(lying, [0.5], colors=colour, linewidths=2)
    axis.text(0.02, 0.02, "dashed: truth", color="white", fontsize=8, transform=axis.transAxes)

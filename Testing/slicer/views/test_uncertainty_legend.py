"""What the colours of uncertainty mean, read from the legend and seen in the pixels of views of many sizes."""

from __future__ import annotations

from dataclasses import replace

import rig

rig.require()

import numpy as np
import pytest
import slicer
import vtk
from MMHVAESynthesisLib.synthesis.appearance import legend_entries, level_colours
from MMHVAESynthesisLib.synthesis.results import KIND, MODALITY
from MMHVAESynthesisLib.views.uncertainty_legend import FONT, SMALLEST_FONT, UncertaintyLegend
from MMHVAESynthesisLib.views.visible_views import slice_views

from ..made_nodes import volume

WORDS = ["Uncertainty", "high", "medium", "low"]


def about_t2(kind):
    node = volume(np.zeros((20, 20, 20), np.float32), name=f"{kind} of T2")
    node.SetAttribute(KIND, kind)
    node.SetAttribute(MODALITY, "t2")
    return node


def made_view(width, height, scale=1.0):
    """A view of a window's own, in its own pixels; a screen's scale is how many of them Qt counts as one."""
    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(width, height)
    window.AddRenderer(renderer)
    return replace(next(iter(slice_views())), renderer=renderer, scale=lambda: scale, render=window.Render)


def boxes(view, legend):
    """Of each line, left, right, bottom and top in the view's pixels."""
    found = []
    for actor in legend._actors:
        box = [0.0] * 4
        actor.GetBoundingBox(view.renderer, box)
        right, top = actor.GetPosition()
        found.append((right - (box[1] - box[0]), right, top - (box[3] - box[2]), top))
    return np.array(found)


@pytest.mark.parametrize("kind", ["uncertainty", "levels"])
def test_it_is_there_as_long_as_a_view_shows_uncertainty(annotations, kind):
    legend, about = annotations._views["Red"].legend, about_t2(kind)
    slicer.util.setSliceViewerLayers(background=about_t2("image"))
    assert legend.words == []
    slicer.util.setSliceViewerLayers(label=about, labelOpacity=1)
    assert legend.words == WORDS
    slicer.util.setSliceViewerLayers(label=about, labelOpacity=0)
    assert legend.words == []
    slicer.util.setSliceViewerLayers(label=about, labelOpacity=1)
    slicer.mrmlScene.Clear(0)
    rig.process_events(50)
    assert annotations._views["Red"].legend.words == []


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
@pytest.mark.parametrize(("width", "height"), [(140, 440), (300, 150), (250, 230), (900, 800)])
def test_every_word_can_be_read_in_views_of_any_size_on_any_screen(scene, width, height, scale):
    view = made_view(round(width * scale), round(height * scale), scale)
    legend = UncertaintyLegend(view)
    assert legend.show([about_t2("levels")])
    left, right, bottom, top = boxes(view, legend).T
    assert (left >= 0).all()
    assert (right <= width * scale).all()
    assert (top <= (height - 20) * scale).all(), "below the letter at the upper edge"
    assert (bottom[:-1] >= top[1:]).all(), "no line on another"
    fonts = [actor.GetTextProperty().GetFontSize() for actor in legend._actors]
    pixels = np.array(fonts) * view.renderer.GetRenderWindow().GetDPI() / 72 / scale  # as Qt counts them
    assert pixels == pytest.approx(FONT if height > 220 else SMALLEST_FONT, abs=0.5)
    if height > 220:
        assert bottom[-1] > (height / 2 + 8) * scale, "above the letter at the right edge"
    legend.close()
    assert view.renderer.GetViewProps().GetNumberOfItems() == 0


def test_it_stays_in_the_corner_of_a_view_that_changes_its_size(annotations):
    slicer.util.setSliceViewerLayers(background=about_t2("image"), label=about_t2("levels"), labelOpacity=1)
    window, corners = slicer.util.mainWindow(), []
    size = window.size
    for width in (1300, 900):
        window.resize(width, 700)
        rig.process_events(100)
        view = annotations._views["Red"].view
        rig.grab_slice("Red")
        assert (boxes(view, annotations._views["Red"].legend)[:, 1] <= view.renderer.GetSize()[0]).all()
        corners.append(view.renderer.GetSize()[0] - annotations._views["Red"].legend._actors[0].GetPosition()[0])
    window.resize(size)
    assert corners[0] == corners[1] > 0


def test_each_word_stands_on_the_colour_of_its_contour(scene):
    view = made_view(300, 300)
    legend = UncertaintyLegend(view)
    legend.show([about_t2("levels")])
    view.render()
    pixels = vtk.vtkUnsignedCharArray()
    view.renderer.GetRenderWindow().GetPixelData(0, 0, 299, 299, 0, pixels, 0)
    picture = np.array(pixels).reshape(300, 300, 3)
    table, colour = level_colours(), [0.0] * 4
    for row, (left, right, bottom, top) in enumerate(boxes(view, legend)[1:]):
        table.GetColor(3 - row, colour)
        line = picture[int(bottom) : int(top), int(left) : int(right)].reshape(-1, 3)
        assert (np.abs(line - 255 * np.array(colour[:3])).max(axis=1) < 3).mean() > 0.3
        assert table.GetColorName(3 - row) == legend.words[row + 1] == legend_entries(True)[row][0]

"""Slice views draw what is in the scene."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import slicer
import vtk


@pytest.fixture
def half(scene):
    """A volume of 64 mm, 100 on the patient's right side, 0 on the left; window 0 to 200."""
    values = np.zeros((16, 64, 64), np.float32)
    values[:, :, 32:] = 100
    return add_volume(values, "half")


def add_volume(values, name):
    grid = np.eye(4)
    grid[:3, 3] = -32, -32, -8
    node = slicer.util.addVolumeFromArray(values, grid, name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 200)
    return node


def sides():
    """Grey of the Red view's middle row at a quarter and at three quarters of its width: patient's right, left."""
    picture = rig.grab_slice("Red")
    rows, columns, _ = picture.shape
    return tuple(int(picture[rows // 2, column, 0]) for column in (columns // 4, 3 * columns // 4))


def test_a_view_shows_background_foreground_and_opacity(half):
    slicer.util.setSliceViewerLayers(background=half, fit=True)
    assert sides() == (127, 0)
    white = add_volume(np.full((16, 64, 64), 200, np.float32), "white")
    slicer.util.setSliceViewerLayers(foreground=white, foregroundOpacity=0.5)
    assert sides() == pytest.approx((191, 127), abs=1)
    slicer.util.setSliceViewerLayers(foregroundOpacity=1)
    assert sides() == (255, 255)


def test_a_view_follows_the_pixels_the_window_and_the_parent_transform(half, scene):
    slicer.util.setSliceViewerLayers(background=half, fit=True)
    half.GetDisplayNode().SetWindowLevelMinMax(0, 100)
    assert sides() == (255, 0)
    slicer.util.updateVolumeFromArray(half, np.full((16, 64, 64), 50, np.float32))
    assert sides() == (127, 127)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 40)  # mm to the right: the left side is outside
    transform.SetMatrixTransformToParent(matrix)
    half.SetAndObserveTransformNodeID(transform.GetID())
    assert sides() == (127, 0)


def test_corner_text_actors_and_colour_legend_are_drawn_and_taken_off(half):
    slicer.util.setSliceViewerLayers(background=half, fit=True)
    plain = rig.grab_slice("Red")
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    view.cornerAnnotation().SetText(vtk.vtkCornerAnnotation.UpperLeft, "SYNTHETIC")
    text = rig.grab_slice("Red")
    assert (text != plain).any(axis=2)[:40, :150].sum() > 50
    slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(half)
    legend = rig.grab_slice("Red")
    assert (legend != text).any(axis=2)[:, -100:].sum() > 500
    actor = vtk.vtkTextActor()
    actor.SetInput("over")
    view.renderWindow().GetRenderers().GetFirstRenderer().AddViewProp(actor)
    assert (rig.grab_slice("Red") != legend).any(axis=2)[-40:, :100].sum() > 50
    rig.reset()
    assert not rig.grab_slice("Red").any()


def test_a_picture_of_the_window_shows_the_slices(half, tmp_path):
    slicer.util.setSliceViewerLayers(background=half, fit=True)
    from PySide6.QtGui import QImage

    window = slicer.util.mainWindow()
    picture = QImage(str(rig.grab(window, tmp_path / "window.png")))
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    place = view.mapTo(window, view.rect.center())
    assert picture.pixelColor(place.x() - view.width // 4, place.y()).red() == 127

"""Surfaces in the 3-D views: shown beside the slices, and taken out to the last flag."""

from __future__ import annotations

import rig

rig.require()

import slicer
import vtk

from ..made_case import make_case
from ..opened_panel import chosen, settled


def node_names():
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return {f"{node.GetClassName()} {node.GetName()}" for node in nodes}


def flags():
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    displays = slicer.util.getNodesByClass("vtkMRMLModelDisplayNode")
    return [view.GetSliceVisible() for view in views], [display.GetVisibility3D() for display in displays]


def fades():
    """How much of the MR lies over the ultrasound, in each view."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {round(composite.GetForegroundOpacity(), 3) for composite in composites}


def test_surfaces_come_with_a_click_and_go_with_the_next(panel):
    case = chosen(panel, make_case(13))
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Tumour")
    model.SetAndObservePolyData(sphere.GetOutput())
    model.CreateDefaultDisplayNodes()
    model.GetDisplayNode().SetVisibility3D(False)
    settled(panel)
    rig.move_slider(panel.ui.fadeSlider, 0.3)
    settled(panel)
    before, names = flags(), node_names()
    assert fades() == {0.3}
    rig.click(panel.ui.surfacesCheckBox)
    settled(panel)
    (field,) = [n for n in slicer.util.getNodesByClass("vtkMRMLModelNode") if n.GetName().startswith("Field of view")]
    bounds, expected = [0.0] * 6, [0.0] * 6
    field.GetRASBounds(bounds)
    case.ultrasound.GetRASBounds(expected)
    for axis in range(3):  # the fan is a ball in the middle of its box
        assert abs(sum(bounds[2 * axis : 2 * axis + 2]) - sum(expected[2 * axis : 2 * axis + 2])) < 8
        assert 45 < bounds[2 * axis + 1] - bounds[2 * axis] < 60
    assert not field.GetSaveWithScene()
    assert model.GetDisplayNode().GetVisibility3D()
    assert all(flags()[0])
    assert fades() == {0.3}
    rig.click(panel.ui.surfacesCheckBox)
    settled(panel)
    assert flags() == before
    assert fades() == {0.3}
    assert {name for name in node_names() - names if "VolumeDisplay" not in name} == set()  # views make those

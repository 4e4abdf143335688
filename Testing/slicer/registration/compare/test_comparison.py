"""The section "Compare": fade and checkerboard of ultrasound and MR in the slice views."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import slicer
import vtk
from MMHVAERegistrationLib.pose.outcome import Outcome
from MMHVAESynthesisLib.synthesis.results import KIND, MODALITY
from MMHVAESynthesisLib.views import annotate_slice_views

from ..made_case import make_case
from ..opened_panel import chosen, settled


def composites():
    views = map(slicer.app.layoutManager().sliceWidget, ("Red", "Yellow", "Green"))
    return [view.sliceLogic().GetSliceCompositeNode() for view in views]


def test_ultrasound_and_mr_are_compared_by_fade_and_checkerboard(panel):
    case = chosen(panel, make_case(11, ("t2", "flair")))
    faded = rig.move_slider(panel.ui.fadeSlider, 0.8)
    for composite in composites():
        assert composite.GetBackgroundVolumeID() == case.ultrasound.GetID()
        assert composite.GetForegroundVolumeID() == case.mrs["t2"].GetID()
        assert composite.GetForegroundOpacity() == pytest.approx(faded)
    rig.choose(panel.ui.shownSelector, "FLAIR")
    assert composites()[0].GetForegroundVolumeID() == case.mrs["flair"].GetID()
    before = rig.grab_slice("Red")
    rig.click(panel.ui.checkerboardCheckBox)
    settled(panel)
    board = slicer.mrmlScene.GetNodeByID(composites()[0].GetForegroundVolumeID())
    assert "Checkerboard" in board.GetName()
    assert composites()[0].GetForegroundOpacity() == 1.0
    assert (rig.grab_slice("Red") != before).any()
    squares = slicer.util.arrayFromVolume(board).copy()
    panel.logic.go_to(panel._parameters, "hand", case.world)
    settled(panel)
    assert not np.array_equal(slicer.util.arrayFromVolume(board), squares)
    rig.click(panel.ui.checkerboardCheckBox)
    assert composites()[0].GetForegroundVolumeID() == case.mrs["flair"].GetID()


def test_what_is_seen_is_said_in_the_views_that_show_it(panel):
    """Whether the MR is registered, and which outline is which; gone with what it describes."""
    case = chosen(panel, make_case(13))
    texts = annotate_slice_views().texts
    plan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Tumour")
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    plan.SetAndObservePolyData(sphere.GetOutput())
    settled(panel)
    rig.move_slider(panel.ui.fadeSlider, 0.6)
    assert "Pre-operative T2 - NOT REGISTERED" in texts("Red")[0]
    assert "solid" not in texts("Red")[0]
    panel.logic.go_to(panel.parameters, "registered", case.world, Outcome(case.world, "check", 2.0, "So.", 4.0, 4.0))
    settled(panel)
    assert texts("Green")[0].splitlines()[-2:] == [
        "Pre-operative T2 - registered, CHECK it", "dashed before, solid now",
    ]  # fmt: skip
    assert texts("Green")[1:] == ["R", "L", "S", "I"]
    panel.logic.show_before(True)
    settled(panel)
    assert "NOT REGISTERED" in texts("Red")[0]
    assert "solid" not in texts("Red")[0]
    panel.logic.show_before(False)
    panel.logic.go_to(panel.parameters, "hand", np.eye(4))
    settled(panel)
    assert "Pre-operative T2 - NOT REGISTERED" in texts("Red")[0]
    panel.logic.go_to(panel.parameters, "hand", case.world)
    rig.click(panel.ui.checkerboardCheckBox)
    settled(panel)
    assert "Pre-operative T2 - moved, not judged" in texts("Red")[0]
    composites()[0].SetForegroundVolumeID(None)
    assert texts("Red") == []
    slicer.mrmlScene.Clear(0)
    rig.process_events(100)
    assert texts("Yellow") == []


def test_contours_of_a_synthesis_do_not_lie_on_the_real_images(panel):
    case = chosen(panel, make_case(12))
    levels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "SYNTHETIC uncertainty contours")
    levels.SetAttribute(KIND, "levels")
    levels.SetAttribute(MODALITY, "t2")
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "The user's")
    for composite, label in zip(composites(), (levels, levels, own), strict=True):
        composite.SetForegroundVolumeID(panel.logic.synthetic(panel.parameters).images["t2"].GetID())
        composite.SetLabelVolumeID(label.GetID())
    rig.move_slider(panel.ui.fadeSlider, 0.8)
    assert composites()[0].GetForegroundVolumeID() == case.mrs["t2"].GetID()
    assert [composite.GetLabelVolumeID() for composite in composites()] == [None, None, own.GetID()]

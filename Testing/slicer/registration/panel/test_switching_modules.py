"""A run goes on while the user is in the other module: what is seen there stays, and the result is shown later."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine

from ...made_nodes import volume
from ...scripted_process import DONE, ScriptedProcess

SYNTHESIS, REGISTRATION = "MMHVAESynthesis", "MMHVAERegistration"
SIDE = 24


@pytest.fixture
def panels(scene, tmp_path, monkeypatch):
    """By module; one engine, which does everything at once, and an ultrasound with an MR that both have chosen."""
    engine = SlicerEngine(new_process=ScriptedProcess, root=tmp_path)
    monkeypatch.setattr(ScriptedProcess, "plan", DONE)
    found = {}
    speckle = np.random.default_rng(0).integers(1, 255, (SIDE, SIDE, SIDE)).astype(np.float32)
    ultrasound, mr = (volume(speckle, name=name) for name in ("iUS", "MR T2"))
    for name in (SYNTHESIS, REGISTRATION):
        found[name] = panel = rig.load_module(name).self()
        monkeypatch.setattr(panel.logic, "engine", engine)
        panel.parameters.us = ultrasound
    found[SYNTHESIS].parameters.synthesizeCet1 = found[SYNTHESIS].parameters.synthesizeFlair = False
    found[REGISTRATION].parameters.t2 = mr
    yield found
    for panel in found.values():
        panel.logic.cancel()
    engine.close(0)


def layers():
    """Names of what lies in the red view: behind, in front."""
    composite = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    nodes = [
        slicer.mrmlScene.GetNodeByID(i)
        for i in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        if i
    ]
    return [node.GetName() for node in nodes]


def calm(panels):
    rig.wait_until(lambda: not any(panel.logic.is_running or panel._timer.is_on for panel in panels.values()), 20)
    rig.process_events(100)
    rig.wait_until(lambda: not any(panel._timer.is_on for panel in panels.values()), 20)


def begin(panels, name):
    panel = panels[name]
    rig.wait_until(lambda: not panel._timer.is_on, 20)
    rig.click(panel.ui.applyButton if name == SYNTHESIS else panel.ui.registerButton)
    assert panel.logic.is_running


def test_a_synthesis_ends_while_the_user_is_in_the_other_module(panels):
    seen = volume(np.ones((SIDE, SIDE, SIDE), np.float32), name="what the user looks at")
    rig.load_module(SYNTHESIS)
    begin(panels, SYNTHESIS)
    rig.load_module(REGISTRATION)
    slicer.util.setSliceViewerLayers(background=seen, foreground=None)
    calm(panels)
    assert set(panels[SYNTHESIS].logic.results(panels[SYNTHESIS].parameters).images) == {"t2"}
    assert layers() == ["what the user looks at"]
    rig.load_module(SYNTHESIS)
    calm(panels)
    assert layers() == ["iUS", "SYNTHETIC T2 of iUS"]
    slicer.util.setSliceViewerLayers(background=seen, foreground=None)
    rig.load_module(REGISTRATION)
    rig.load_module(SYNTHESIS)
    assert layers() == ["what the user looks at"], "it is shown once"


def test_results_that_were_deleted_meanwhile_are_not_shown(panels):
    rig.load_module(SYNTHESIS)
    begin(panels, SYNTHESIS)
    rig.load_module(REGISTRATION)
    calm(panels)
    for node in panels[SYNTHESIS].logic.results(panels[SYNTHESIS].parameters).nodes:
        slicer.mrmlScene.RemoveNode(node)
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("MR T2"), foreground=None)
    rig.load_module(SYNTHESIS)
    calm(panels)
    assert layers() == ["MR T2"]


def test_a_registration_moves_the_mr_at_once_and_is_compared_when_the_user_comes_back(panels):
    rig.load_module(REGISTRATION)
    begin(panels, REGISTRATION)
    rig.load_module(SYNTHESIS)
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("iUS"), foreground=None)
    calm(panels)
    assert panels[REGISTRATION].logic.outcome.verdict == "good"
    assert layers() == ["iUS"]
    rig.load_module(REGISTRATION)
    calm(panels)
    assert layers() == ["iUS", "MR T2"]


def test_a_comparison_does_not_come_back_over_what_the_other_module_shows(panels):
    rig.load_module(REGISTRATION)
    begin(panels, REGISTRATION)
    calm(panels)
    assert layers() == ["iUS", "MR T2"]
    rig.load_module(SYNTHESIS)
    begin(panels, SYNTHESIS)
    calm(panels)
    assert layers() == ["iUS", "SYNTHETIC T2 of iUS"]
    volume(np.ones((4, 4, 4), np.float32), name="something new")  # which both panels hear of
    calm(panels)
    assert layers() == ["iUS", "SYNTHETIC T2 of iUS"]
    rig.load_module(REGISTRATION)
    calm(panels)
    assert layers() == ["iUS", "MR T2"]

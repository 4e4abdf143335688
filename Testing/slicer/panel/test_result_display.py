"""The part "Look" of the panel: what lies over the ultrasound, by mouse and by the key that fades."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import slicer
from mmhvae.images.modalities import MODALITIES
from mmhvae.settings import SynthesisSettings
from MMHVAESynthesisLib.synthesis.results import ANCHOR, KIND, MADE, MODALITY, Provenance
from PySide6 import QtCore, QtTest

from ..made_nodes import fan, volume

SHOWN = {"us": "showUsButton", "t2": "showT2Button", "flair": "showFlairButton"}


@pytest.fixture
def panel(scene):
    """The panel with results of an earlier Apply: T2 with uncertainty, and FLAIR."""
    representation = rig.load_module("MMHVAESynthesis")
    representation.window().resize(1400, 950)
    widget = representation.self()
    ultrasound = volume(fan(), name="iUS")
    made = Provenance("starter", "", "cpu", SynthesisSettings(), "", {})
    for kind, name in (("image", "t2"), ("uncertainty", "t2"), ("image", "flair")):
        node = volume(np.random.default_rng(0).random((40, 40, 40), np.float32), name=f"SYNTHETIC {name} {kind}")
        node.CreateDefaultDisplayNodes()
        for key, value in ((KIND, kind), (MODALITY, name), (MADE, made.to_json())):
            node.SetAttribute(key, value)
        node.SetNodeReferenceID(ANCHOR, ultrasound.GetID())
    rig.choose(widget.ui.usSelector, "iUS")
    rig.wait_until(widget.ui.showT2Button.isEnabled, 20, "the results to be found")
    return widget


def composite():
    return slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()


def foreground():
    node = slicer.mrmlScene.GetNodeByID(composite().GetForegroundVolumeID() or "")
    return node.GetName() if node is not None else ""


@pytest.mark.parametrize("name", ["t2", "flair", "us"])
def test_a_button_shows_its_contrast(panel, name):
    rig.click(panel.ui.showFlairButton)
    rig.click(getattr(panel.ui, SHOWN[name]))
    assert foreground() == ("" if name == "us" else f"SYNTHETIC {name} image")
    assert slicer.mrmlScene.GetNodeByID(composite().GetBackgroundVolumeID()).GetName() == "iUS"
    assert panel._parameters.shown == name


def test_what_is_not_there_cannot_be_shown_and_says_why(panel):
    assert not panel.ui.showCet1Button.isEnabled()
    assert f"no synthetic {MODALITIES['cet1'].name}" in panel.ui.showCet1Button.toolTip
    rig.click(panel.ui.showFlairButton)
    assert not panel.ui.uncertaintyColoursButton.isEnabled()
    rig.click(panel.ui.showT2Button)
    assert panel.ui.uncertaintyColoursButton.isEnabled()


def test_the_slider_sets_the_opacity(panel):
    rig.click(panel.ui.showT2Button)
    value = rig.move_slider(panel.ui.opacitySlider, 0.25)
    rig.wait_until(lambda: composite().GetForegroundOpacity() == pytest.approx(value, abs=0.01), 20)
    assert 0.2 < value < 0.3


@pytest.mark.parametrize("way", ["contours", "colours"])
def test_uncertainty_is_laid_on_top_and_taken_off_again(panel, way):
    rig.click(panel.ui.showT2Button)
    rig.click(getattr(panel.ui, f"uncertainty{way.capitalize()}Button"))
    label = slicer.mrmlScene.GetNodeByID(composite().GetLabelVolumeID())
    assert (label.GetName() == "SYNTHETIC t2 uncertainty") == (way == "colours")
    rig.click(panel.ui.uncertaintyOffButton)
    assert composite().GetLabelVolumeID() is None


@pytest.mark.parametrize("where", ["panel", "slice view"])
def test_held_down_f_shows_the_ultrasound_alone(panel, where):
    rig.click(panel.ui.showT2Button)
    red = slicer.app.layoutManager().sliceWidget("Red")
    widget, offset = (
        (panel.ui.applyButton if where == "panel" else red.sliceView()),
        red.mrmlSliceNode().GetSliceOffset(),
    )
    QtTest.QTest.keyPress(widget, QtCore.Qt.Key.Key_F)
    assert foreground() == ""
    QtTest.QTest.keyRelease(widget, QtCore.Qt.Key.Key_F)
    assert foreground() == "SYNTHETIC t2 image"
    assert red.mrmlSliceNode().GetSliceOffset() == offset  # F is Slicer's key for the next slice, too


def test_typing_an_f_fades_nothing(panel):
    rig.click(panel.ui.showT2Button)
    rig.click(panel.ui.advancedSection)
    panel.ui.seedSpinBox.window().activateWindow()
    panel.ui.seedSpinBox.setFocus()
    rig.wait_until(panel.ui.seedSpinBox.hasFocus, 10, "the focus to be in the field")
    QtTest.QTest.keyPress(panel.ui.seedSpinBox, QtCore.Qt.Key.Key_F)
    assert foreground() == "SYNTHETIC t2 image"
    rig.click(panel.ui.advancedSection)

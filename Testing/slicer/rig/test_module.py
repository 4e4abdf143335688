"""A scripted module in the rig, used by mouse and keyboard."""

from __future__ import annotations

import pytest
import rig

rig.require()

import qt
import slicer

MODULE = """
import ctk, qt, slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

class RigModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Rig module")
        self.parent.categories = ["Testing"]

class RigModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.log = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, lambda *a: self.log.append("closed"))
        self.section = ctk.ctkCollapsibleButton()
        self.section.text = _("Advanced")
        self.layout.addWidget(self.section)
        rows = qt.QFormLayout(self.section)
        self.button, self.tick = qt.QPushButton(_("Apply")), qt.QCheckBox(_("Tick"))
        self.field, self.box, self.combo = qt.QLineEdit(), qt.QSpinBox(), qt.QComboBox()
        self.slider = ctk.ctkSliderWidget()
        self.slider.maximum = 1
        self.slider.singleStep = 0.01
        self.combo.addItems(["one", "two", "three"])
        for widget in (self.button, self.tick, self.field, self.box, self.combo, self.slider):
            rows.addRow(widget)
        self.layout.addStretch(1)
        self.button.connect("clicked()", lambda: self.log.append("clicked"))
        self.combo.connect("activated(int)", lambda row: self.log.append(self.combo.itemText(row)))
        self.shortcut = qt.QShortcut(qt.QKeySequence("F"), slicer.util.mainWindow())
        self.shortcut.connect("activated()", lambda: self.log.append("F"))

    def enter(self):
        self.log.append("enter")

    def exit(self):
        self.log.append("exit")

    def cleanup(self):
        self.removeObservers()
        self.shortcut.enabled = False

class RigModuleLogic(ScriptedLoadableModuleLogic):
    pass

class RigModuleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("running")
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "made by the test")
"""


@pytest.fixture(scope="session")
def module_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("RigModule")
    (folder / "RigModule.py").write_text(MODULE)
    return folder


@pytest.fixture
def panel(scene, module_folder):
    """The module's own widget, shown; afterwards its key is free for other modules again."""
    widget = rig.load_module("RigModule", module_folder).self()
    widget.shortcut.enabled = True
    widget.log.clear()
    yield widget
    rig.load_module("RigModule", module_folder).self().shortcut.enabled = False


def test_the_module_is_known_and_shown(panel):
    assert slicer.util.getModuleWidget("RigModule") is panel
    assert slicer.modules.rigmodule.title == "Rig module"
    assert slicer.util.modulePath("RigModule").endswith("RigModule.py")
    assert panel.parent.isVisible()
    assert "Apply" in rig.shown_text(panel.parent)


def test_mouse_and_keyboard(panel):
    rig.click(panel.button)
    rig.click(panel.tick)
    rig.type_text(panel.field, "typed")
    rig.type_text(panel.box, "42")
    rig.choose(panel.combo, "three")
    rig.type_text(panel.slider, "0.25")
    assert panel.tick.checked
    assert (panel.field.text, panel.box.value, panel.slider.value) == ("typed", 42, 0.25)
    assert rig.move_slider(panel.slider, 0.75) == pytest.approx(0.75, abs=0.05)
    rig.press_key(panel.button, "F")
    assert panel.log == ["clicked", "three", "F"]


def test_what_a_user_cannot_do_is_refused(panel):
    panel.button.enabled = False
    with pytest.raises(AssertionError, match="disabled"):
        rig.click(panel.button)
    rig.click(panel.section)
    assert panel.section.collapsed
    with pytest.raises(AssertionError, match="not shown"):
        rig.click(panel.tick)
    rig.click(panel.section)
    panel.button.enabled = True
    rig.click(panel.button)
    assert panel.log == ["clicked"]


def test_a_button_that_has_moved_is_scrolled_to_again(panel):
    """A panel that has grown comes to rest in several turns of the event loop, the first scroll is before the last."""
    panel.layout.insertSpacing(0, 4000)
    rig.process_events()
    rig.click(panel.button)
    assert panel.log == ["clicked"]


def test_closing_the_scene_is_heard(panel, scene):
    scene.Clear(0)
    assert panel.log == ["closed"]


def test_reload_makes_the_panel_anew(panel):
    old = panel.button
    panel.onReload()
    rig.process_events()
    new = slicer.util.getModuleWidget("RigModule")
    assert new is not panel
    assert new.button is not old
    rig.click(new.button)
    assert new.log[-1] == "clicked"


def test_the_self_test_runs(scene, panel):
    slicer.selfTests["RigModule"]()
    assert slicer.util.getNode("made by the test")


def test_a_picture_of_a_widget(panel, tmp_path):
    picture = qt.QImage(str(rig.grab(panel.parent, tmp_path / "panel.png")))
    assert (picture.width(), picture.height()) == (panel.parent.width, panel.parent.height)

"""The way in: the demo in both panels, what is missing said at once and installed by one question, Check setup."""

from __future__ import annotations

import rig

rig.require()

import pytest
import slicer
from MMHVAESynthesisLib.setup import package_installer

from ..made_nodes import fan, volume


@pytest.fixture(params=["MMHVAESynthesis", "MMHVAERegistration"])
def panel(request, scene):
    rig.load_module("MMHVAESynthesis")  # on which the other depends, and brings the demo
    representation = rig.load_module(request.param)
    representation.window().resize(1366, 768)
    rig.process_events()
    panel = representation.self()
    yield panel
    panel.logic.cancel()
    panel.look_for_missing()


def settled(panel):
    rig.wait_until(lambda: not panel._timer.is_on, 20)
    rig.process_events()
    return panel.ui.stateLabel.text


def begin_button(panel):
    return panel.ui.applyButton if hasattr(panel.ui, "applyButton") else panel.ui.registerButton


def test_the_demo_is_one_click_from_an_empty_scene_and_one_more_from_its_result(panel):
    settled(panel)
    rig.click(panel.ui.demoButton)
    assert "Ready" in settled(panel)
    assert begin_button(panel).isEnabled()
    assert not panel.ui.demoButton.isVisible()
    assert "frames" in panel.ui.sweepLabel.text
    if hasattr(panel.ui, "landmarksTable"):
        assert panel.parameters.usLandmarks.GetNumberOfControlPoints() >= 3
        assert panel.ui.landmarksTable.rowCount >= 4


def test_the_demo_is_not_offered_beside_images(panel):
    volume(fan())
    settled(panel)
    assert not panel.ui.demoButton.isVisible()


@pytest.fixture
def bare(panel, monkeypatch):
    """A Slicer without torch, until it is installed; what was installed stands in the list."""
    installed = []
    names = ["torch", "safetensors"]
    monkeypatch.setattr(package_installer, "missing_packages", lambda: [n for n in names if n not in installed])
    monkeypatch.setattr(package_installer, "network_problem", lambda missing: "")
    monkeypatch.setattr(package_installer, "require_room", lambda size: None)
    monkeypatch.setattr(package_installer, "install_from_network", lambda name, on_line: installed.append(name))
    panel.look_for_missing()
    panel.refresh()
    return installed


def test_what_is_missing_is_said_before_inputs_are_asked_for(panel, bare):
    assert "PyTorch and safetensors must be installed first" in settled(panel)
    assert "Choose" not in panel.ui.stateLabel.text
    assert begin_button(panel).isEnabled()


def test_one_question_installs_it_and_the_work_goes_on(panel, bare):
    rig.click(panel.ui.demoButton)
    settled(panel)
    rig.answer(True)
    rig.click(begin_button(panel))
    assert bare == ["torch", "safetensors"]
    assert len(rig.messages) == 1
    assert "GB" in rig.messages[0].text
    assert panel.logic.is_running
    assert "must be installed" not in settled(panel)


def test_who_says_no_is_asked_again_next_time(panel, bare):
    rig.answer(False)
    rig.click(begin_button(panel))
    assert bare == []
    assert not panel.logic.is_running
    assert "must be installed first" in settled(panel)
    assert begin_button(panel).isEnabled()


def test_a_missing_calibration_is_said_before_apply_and_a_file_is_shown_by_its_name(panel, tmp_path):
    rig.click(panel.ui.demoButton)
    settled(panel)
    assert panel.ui.calibrationFileLabel.isVisible()
    assert panel.ui.calibrationFileLabel.text == "image-to-probe.txt"
    assert not panel.ui.calibrationEdit.isVisible()
    panel.parameters.calibration = str(tmp_path / "nowhere.txt")
    text = settled(panel)
    assert "nowhere.txt" in text
    assert not begin_button(panel).isEnabled()
    assert panel.ui.calibrationEdit.isVisible()


def test_check_setup_is_in_sight(scene):
    representation = rig.load_module("MMHVAESynthesis")
    representation.window().resize(1366, 768)
    panel = representation.self()
    settled(panel)
    rig.click(panel.ui.checkSetupButton)
    section, area = panel.ui.setupSection, panel.ui.setupSection.parentWidget()
    while not area.inherits("QScrollArea"):
        area = area.parentWidget()

    def is_in_sight() -> bool:
        top = section.mapTo(area, section.rect.topLeft()).y()
        return 0 <= top < 20 or (top > 0 and top + section.height <= area.height)  # as far as there is to scroll

    rig.wait_until(is_in_sight, 20)
    panel.ui.setupSection.collapsed = True
    assert slicer.app.errors == []

"""Overlays and report where the user finds them: in the folded sections of the registration panel, by mouse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.case.moving_along import candidates
from MMHVAERegistrationLib.folded_panels import FoldedPanels
from MMHVAERegistrationLib.pose.result_transform import find_result, is_registered

from ...made_nodes import fan, transform, volume
from ..opened_panel import folded, opened

SIZE = 40


@pytest.fixture
def panel(scene) -> Any:
    """The module's panel with an ultrasound and a T2 under a transform, both sections open."""
    representation = rig.load_module("MMHVAERegistration")
    representation.window().resize(1400, 1150)
    panel = representation.self()
    panel._parameters.us = volume(fan(SIZE), name="DOE^JOHN iUS")
    mr = volume(np.random.default_rng(0).integers(0, 900, (SIZE,) * 3).astype(np.int16), name="DOE^JOHN T2")
    mr.SetAndObserveTransformNodeID(transform(_shift(-6.0), "navigation").GetID())
    panel._parameters.t2 = mr
    for section in (panel.ui.overlaysSection, panel.ui.reportSection):
        opened(section)
    rig.wait_until(panel.ui.registerButton.isEnabled, 20, "the panel to have seen the images")
    yield panel
    for section in (panel.ui.overlaysSection, panel.ui.reportSection):
        folded(section)


def _shift(x: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


def test_from_the_plan_to_the_record(panel, tmp_path):
    overlays, report = panel.part(FoldedPanels).overlays, panel.part(FoldedPanels).report
    assert "press Register first" in report.save_button.toolTip
    ball = np.linalg.norm(np.indices((SIZE,) * 3) - 19, axis=0) < 8
    image = sitk.GetImageFromArray(ball.astype(np.uint8))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # RAS, as the volumes
    sitk.WriteImage(image, str(tmp_path / "tumour.nii.gz"))
    rig.choose_files(tmp_path / "tumour.nii.gz")
    rig.click(overlays.load_button)
    plan = overlays.selector.currentNode()
    panel.logic.go_to(panel._parameters, "registered", _shift(6.0))
    assert is_registered(plan)
    assert find_result() is not None
    rig.wait_until(report.save_button.isEnabled, 20, "the panel to have seen the result")
    rig.click(overlays.export_button)
    rig.wait_until(lambda: not overlays.work.bar.isVisible(), 60, "the end of the export")
    (label,) = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(label) > 0, ball)  # the shifts cancel each other
    assert label not in [candidate.node for candidate in candidates(panel._parameters)]
    rig.choose_files(tmp_path)
    rig.click(report.save_button)
    (folder,) = tmp_path.glob("registration-*")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 4
    assert "BY HAND" in page  # nothing judged it
    assert "DOE" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)


def test_a_new_scene_has_nothing_to_report(panel):
    panel.logic.go_to(panel._parameters, "registered", _shift(6.0))
    rig.wait_until(panel.part(FoldedPanels).report.save_button.isEnabled, 20, "the panel to have seen the result")
    slicer.mrmlScene.Clear(0)
    rig.process_events(200)
    assert not panel.part(FoldedPanels).report.save_button.isEnabled()
    assert not panel.part(FoldedPanels).overlays.export_button.isEnabled()

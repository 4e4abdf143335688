"""Both panels ask where a volume lies whose NIfTI file says two things, before they work with it."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from MMHVAESynthesisLib.nodes import ijk_to_ras

from ...core import bad_files as bad
from ..made_nodes import fan, volume

PANELS = {"MMHVAESynthesis": "applyButton", "MMHVAERegistration": "registerButton"}


@pytest.fixture(params=PANELS)
def panel(request, scene):
    """Each module's own widget, shown and entered, on an empty scene; and the button that begins its work."""
    representation = rig.load_module(request.param)
    representation.window().resize(1400, 1000)
    rig.process_events()
    widget = representation.self()
    yield widget, getattr(widget.ui, PANELS[request.param])
    widget.logic.cancel()
    rig.wait_until(lambda: not widget.logic.is_running, 10)


def settled(panel):
    rig.process_events()
    rig.wait_until(lambda: not panel._timer.is_on, 20, "calm")
    return panel.ui.stateLabel.text


def loaded(folder, name):
    """As coregistration leaves a file: the sform is moved, the qform is where it was."""
    folder.mkdir()
    path = bad.nifti(folder, sform_code=1, srow=bad.rows(shift=-20))
    return slicer.util.loadVolume(str(path), {"name": name})


def test_the_question_stands_below_the_volume_and_its_answer_moves_it(panel, tmp_path):
    panel, begin = panel
    ui = panel.ui
    rig.choose(ui.usSelector, volume(fan(), name="iUS").GetName())
    assert not ui.t2FormRow.isVisible()
    t2 = loaded(tmp_path / "in", "MR T2")
    rig.choose(ui.t2Selector, "MR T2")
    text = settled(panel)
    assert "disagree by 20.0 mm: a corner lies at R 8.3 A -91.0 S 32.4 mm by the qform and at" in text
    assert "R -11.7 A -91.0 S 32.4 mm by the sform" in text
    assert "choose below, in the row of MR T2, which one is right" in text
    assert not begin.isEnabled()
    assert "which one is right" in begin.toolTip
    assert ui.t2FormRow.isVisible()
    assert not ui.t2QformButton.isChecked()
    assert not ui.t2SformButton.isChecked()
    origins = {}
    for button in (ui.t2QformButton, ui.t2SformButton, ui.t2QformButton):
        rig.click(button)
        assert "Ready" in settled(panel)
        assert begin.isEnabled()
        assert (ui.t2QformButton.isChecked(), ui.t2SformButton.isChecked()) == (
            button is ui.t2QformButton, button is ui.t2SformButton,
        )  # fmt: skip
        origins[button] = ijk_to_ras(t2)[0, 3]
    assert origins == {ui.t2QformButton: pytest.approx(8.3, abs=1e-4), ui.t2SformButton: pytest.approx(-11.7, abs=1e-4)}
    rig.choose(ui.t2Selector, "none")
    settled(panel)
    assert not ui.t2FormRow.isVisible()


def test_the_ultrasound_is_asked_about_too_but_not_where_frames_take_its_place(panel, tmp_path):
    panel, begin = panel
    rig.choose(panel.ui.usSelector, loaded(tmp_path / "in", "iUS").GetName())
    rig.choose(panel.ui.t2Selector, volume(fan(), name="T2").GetName())
    assert "which one is right" in settled(panel)
    assert not begin.isEnabled()
    assert panel.ui.usFormRow.isVisible()
    panel.parameters.sweepPath = str(tmp_path / "sweep.igs.mha")
    settled(panel)
    assert not panel.ui.usFormRow.isVisible()


def test_what_is_computed_lies_where_the_answer_put_it(panel, tmp_path):
    """By the logic alone: an unanswered question is a refusal, and the answer reaches the engine's files."""
    from MMHVAESynthesisLib.engine.steps import completed
    from MMHVAESynthesisLib.nodes import choose_form, write_volume_steps

    node = loaded(tmp_path / "in", "iUS")
    choose_form(node, "sform")
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    written = sitk.ReadImage(str(tmp_path / "us.mha"))
    np.testing.assert_allclose(written.GetOrigin(), [11.7, 91.0, 32.4], atol=1e-4)

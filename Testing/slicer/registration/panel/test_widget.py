"""What the registration panel asks for and says before it registers: by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import qt
from mmhvae.settings import NAVIGATION

from ...made_nodes import volume
from ..made_case import make_case
from ..opened_panel import chosen, settled


def test_navigation_is_trusted_as_far_as_trust_was_calibrated_with(panel):
    ui = panel.ui
    assert ui.priorCheckBox.checked
    assert (ui.priorTranslationSpinBox.value, ui.priorRotationSpinBox.value) == (
        NAVIGATION.translation_mm,
        NAVIGATION.rotation_deg,
    )


def test_register_says_why_it_cannot_work(panel):
    assert "Choose the ultrasound" in settled(panel)
    case = make_case(10)
    rig.choose(panel.ui.usSelector, case.ultrasound.GetName())
    assert "at least one pre-operative MR" in settled(panel)
    rig.choose(panel.ui.t2Selector, case.ultrasound.GetName())
    assert "choose each image once" in settled(panel)
    assert not panel.ui.registerButton.isEnabled()
    assert "choose each image once" in panel.ui.registerButton.toolTip
    rig.choose(panel.ui.t2Selector, case.mrs["t2"].GetName())
    assert "Ready" in settled(panel)
    assert panel.ui.registerButton.isEnabled()
    rig.click(panel.ui.useT2CheckBox)
    assert "tick it" in settled(panel)


def test_names_tell_which_image_is_which_and_a_choice_is_kept(panel):
    sweep, t2 = volume(np.ones((4, 4, 4), np.uint8), name="iUS before"), volume(np.ones((4, 4, 4)), name="MR_T2_SPACE")
    volume(np.ones((4, 4, 4)), name="FLAIR 1")
    volume(np.ones((4, 4, 4)), name="FLAIR 2")
    panel.enter()
    settled(panel)
    assert panel.ui.usSelector.currentNode() is sweep
    assert panel.ui.t2Selector.currentNode() is t2
    assert panel.ui.flairSelector.currentNode() is None
    rig.choose(panel.ui.flairSelector, "FLAIR 2")
    panel.exit()
    panel.enter()
    assert panel.ui.flairSelector.currentNode().GetName() == "FLAIR 2"


def test_its_images_stay_chosen_while_a_registration_runs(panel):
    chosen(panel, make_case(15))
    rig.click(panel.ui.previewButton)
    settled(panel)
    assert panel.logic.is_running
    assert not panel.ui.t2Selector.isEnabled()
    assert not panel.ui.movesList.isEnabled()
    rig.click(panel.ui.cancelButton)
    rig.wait_until(lambda: not panel.logic.is_running, 20)
    settled(panel)
    assert panel.ui.t2Selector.isEnabled()


def test_every_control_says_what_it_does(panel):
    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, qt.QLineEdit, qt.QListWidget, qt.QTableWidget)
    named = [getattr(panel.ui, name) for name in dir(panel.ui) if not name.startswith(("_", "qt_"))]
    controls = [widget for widget in named if isinstance(widget, kinds) or widget.inherits("qMRMLNodeComboBox")]
    assert len(controls) > 30
    assert [widget.objectName for widget in controls if not widget.toolTip] == []

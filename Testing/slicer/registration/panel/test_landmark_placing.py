"""Landmarks placed pair by pair from the panel: the TRE as they grow, the last taken away, a start from them."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import pytest
import slicer
from MMHVAERegistrationLib.case import tick
from MMHVAERegistrationLib.pose import LANDMARKS, REGISTERED, is_registered

from ..made_case import make_case
from ..opened_panel import chosen, opened, settled, tick as tick_row

PLACES = np.array([[10.0, 0, 0], [0, 12, 0], [0, 0, 14], [-9, -8, 5]])


@pytest.fixture
def case(panel):
    case = chosen(panel, make_case(7))
    opened(panel.ui.landmarksSection)
    settled(panel)
    return case


def moved(place, matrix):
    return (matrix @ [*place, 1])[:3]


def place(panel, point):
    """Click a point in a view: the markup that is active in place mode gets it."""
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    node = slicer.mrmlScene.GetNodeByID(slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID())
    node.AddControlPointWorld(*point)
    settled(panel)


def place_pair(panel, case, number, shown=None):
    """Click the same point in both; ``shown`` is (4, 4) from the ultrasound's to the MR's, where they are shown."""
    rig.click(panel.ui.placeButton)
    assert "ultrasound" in panel.ui.placeHintLabel.text
    true = moved(PLACES[number], case.frame)
    place(panel, true)
    assert "same point in the MR" in panel.ui.placeHintLabel.text
    place(panel, moved(true, np.linalg.inv(case.world) if shown is None else shown))


def test_pairs_are_placed_one_after_the_other_and_the_errors_grow_with_them(panel, case):
    fade = panel.parameters.fade
    for number in range(4):
        assert panel.ui.landmarkStartButton.isEnabled() == (number >= 3)
        place_pair(panel, case, number)
        assert panel.ui.landmarksTable.rowCount == number + 2  # and their mean
        assert panel.ui.placeButton.text == "Place a pair"
        assert panel.parameters.fade == fade
    before = float(panel.ui.landmarksTable.item(4, 1).text())
    rig.click(panel.ui.landmarkStartButton)
    settled(panel)
    assert panel.logic.start.what == LANDMARKS
    np.testing.assert_allclose(panel.logic.world, case.world, atol=1e-6)
    assert "by landmarks" in panel.ui.reasonLabel.text
    assert before > 1
    assert float(panel.ui.landmarksTable.item(4, 2).text()) == 0
    panel.logic.undo()
    np.testing.assert_array_equal(panel.logic.world, np.eye(4))


def test_the_last_point_or_pair_is_taken_away(panel, case):
    place_pair(panel, case, 0)
    rig.click(panel.ui.placeButton)
    place(panel, moved(PLACES[1], case.frame))
    rig.click(panel.ui.removePairButton)  # the one point that waited
    counts = [panel.parameters.usLandmarks, panel.parameters.mrLandmarks]
    assert [node.GetNumberOfControlPoints() for node in counts] == [1, 1]
    rig.click(panel.ui.removePairButton)
    assert [node.GetNumberOfControlPoints() for node in counts] == [0, 0]
    assert not panel.ui.removePairButton.isEnabled()
    assert "no point" in panel.ui.removePairButton.toolTip


def test_points_on_one_line_are_no_start(panel, case):
    for number in range(3):
        rig.click(panel.ui.placeButton)
        place(panel, (5.0 * number, 1, 1))
        place(panel, (5.0 * number, 2, 1))
    assert not panel.ui.landmarkStartButton.isEnabled()
    assert "one line" in panel.ui.landmarkStartButton.toolTip


def test_leaving_in_the_middle_ends_the_placing(panel, case):
    rig.click(panel.ui.placeButton)
    slicer.mrmlScene.Clear(0)
    settled(panel)
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    assert panel.ui.placeButton.text == "Place a pair"


@pytest.mark.parametrize("list_is", ["new", "empty", "unticked"])
def test_points_clicked_on_the_registered_mr_belong_to_it(panel, case, list_is):
    """A perfect registration has no error left, before it there was one, and the landmarks find the same again."""
    panel.logic.go_to(panel.parameters, REGISTERED, case.world)
    if list_is != "new":
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "P")
        panel.parameters.mrLandmarks = node
        if list_is == "unticked":
            tick(panel.parameters, node, False)
    settled(panel)
    for number in range(4):
        place_pair(panel, case, number, np.eye(4))
    assert is_registered(panel.parameters.mrLandmarks)
    before, after = (float(panel.ui.landmarksTable.item(4, column).text()) for column in (1, 2))
    assert before > 1
    assert after == 0
    rig.click(panel.ui.landmarkStartButton)
    settled(panel)
    np.testing.assert_allclose(panel.logic.world, case.world, atol=1e-6)
    panel.logic.undo()
    panel.logic.undo()
    assert float(panel.ui.landmarksTable.item(4, 1).text()) == before


def test_a_list_from_elsewhere_has_to_be_ticked_first(panel, case):
    for number in range(4):
        place_pair(panel, case, number)
    own = [panel.parameters.usLandmarks, panel.parameters.mrLandmarks]
    panel.logic.go_to(panel.parameters, REGISTERED, case.world)
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Loaded")
    for index in range(4):
        loaded.AddControlPoint(*own[1].GetNthControlPointPosition(index), str(index + 1))
    panel.parameters.mrLandmarks = loaded
    settled(panel)
    ui = panel.ui
    assert ui.landmarksLabel.text.startswith("Loaded does not move along with the MR: tick it")
    assert not ui.landmarksTable.isVisible()
    for button in (ui.landmarkStartButton, ui.placeButton):
        assert not button.isEnabled()
        assert button.toolTip == ui.landmarksLabel.text
    tick_row(panel, "Loaded")
    assert ui.landmarksLabel.text == ""
    assert float(ui.landmarksTable.item(4, 2).text()) == 0
    assert ui.landmarkStartButton.isEnabled()

"""Landmarks placed pair by pair from the panel: the TRE as they grow, the last taken away, a start from them."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import pytest
import slicer
from MMHVAERegistrationLib.pose import LANDMARKS

from ..made_case import make_case
from ..opened_panel import chosen, opened, settled

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


def place_pair(panel, case, number):
    rig.click(panel.ui.placeButton)
    assert "ultrasound" in panel.ui.placeHintLabel.text
    true = moved(PLACES[number], case.frame)
    place(panel, true)
    assert "same point in the MR" in panel.ui.placeHintLabel.text
    place(panel, moved(true, np.linalg.inv(case.world)))


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

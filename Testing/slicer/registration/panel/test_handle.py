"""The handle of "Start by hand", moved by the mouse in a slice view, as Slicer's own widget takes it."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import qt
import slicer
from MMHVAERegistrationLib.compare.comparison import look_at
from MMHVAERegistrationLib.pose.result_transform import find_result, local_matrix
from MMHVAESynthesisLib.nodes.geometry import parent_to_world
from PySide6 import QtTest

from ...made_nodes import pose, transform
from ..made_case import make_case
from ..opened_panel import chosen, opened, point_in, seen, settled, tick

#: Of Slicer's handle, what the mouse is over.
ROTATION = slicer.vtkMRMLTransformHandleWidgetRepresentation.InteractionRotationHandle


def dragged(view, start, pixels):
    """Drag with the left mouse button, from ``start`` (x, y) and by so many ``pixels`` to the right and down."""
    places = [qt.QPoint(*(round(s + share * p) for s, p in zip(start, pixels, strict=True))) for share in (0, 0.5, 1)]
    QtTest.QTest.mouseMove(view, places[0])
    QtTest.QTest.mousePress(view, qt.Qt.LeftButton, qt.Qt.NoModifier, places[0])
    for place in places[1:]:
        QtTest.QTest.mouseMove(view, place)
    QtTest.QTest.mouseRelease(view, qt.Qt.LeftButton, qt.Qt.NoModifier, places[-1])


def ras_of(view, pixel):
    return np.array(view.convertXYZToRAS(view.convertDeviceToXYZ([round(value) for value in pixel])))


def ring_of(view, display, middle):
    """Where, down and right of the middle, the mouse meets the ring."""
    for radius in range(20, 200, 3):
        place = (middle[0] + round(0.7 * radius), middle[1] + round(0.7 * radius))
        QtTest.QTest.mouseMove(view, qt.QPoint(*place))
        if display.GetActiveInteractionType() == ROTATION:
            return place
    raise AssertionError("there is no ring to turn by")


@pytest.mark.parametrize("name", ["Red", "Green"])
def test_the_handle_is_dragged_and_turned_with_the_mouse(panel, name):
    """By Slicer's own handle in a slice view: the middle moves everything, the ring turns it about the middle."""
    above = transform(pose(7), "planning")
    case = make_case(17, above_mr=above)
    other = point_in(case.ultrasound, (10.0, 20.0, 30.0))  # ticked below: it lies under no transform, the MR does
    chosen(panel, case)
    before = parent_to_world(case.mrs["t2"])
    tick(panel, other.GetName())
    opened(panel.ui.startSection)
    look_at(case.ultrasound)
    rig.click(panel.ui.handleCheckBox)
    settled(panel)
    view, result = slicer.app.layoutManager().sliceWidget(name).sliceView(), find_result()
    rig.grab_slice(name)
    middle = (parent_to_world(result) @ local_matrix(result) @ [*result.GetCenterOfTransformation(), 1])[:3]
    x, y, _ = view.convertRASToXYZ(middle)
    start = (round(x), view.height - 1 - round(y))
    dragged(view, start, (28, -18))
    shift = ras_of(view, (start[0] + 28, start[1] - 18)) - ras_of(view, start)
    assert np.linalg.norm(shift) > 5
    first = parent_to_world(case.mrs["t2"])
    moved = first @ np.linalg.inv(before)
    np.testing.assert_allclose(moved[:3], np.c_[np.eye(3), shift], atol=1e-4)
    settled(panel)
    np.testing.assert_allclose(seen(other), np.array([10.0, 20.0, 30.0]) + shift, atol=1e-4)
    assert "put by hand" in panel.ui.reasonLabel.text
    middle = middle + shift
    x, y, _ = view.convertRASToXYZ(middle)
    start = (round(x), view.height - 1 - round(y))
    drawn = rig.grab_slice(name)
    assert drawn[start[1], start[0]].any()  # it is drawn where the mouse finds it
    ring = ring_of(view, result.GetDisplayNode(), start)
    assert drawn[ring[1], ring[0]].any() or drawn[ring[1] + 3, ring[0] + 3].any()
    dragged(view, ring, (25, 0))
    turned = parent_to_world(case.mrs["t2"]) @ np.linalg.inv(moved @ before)
    angle = np.rad2deg(np.arccos((np.trace(turned[:3, :3]) - 1) / 2))
    assert 3 < angle < 90
    np.testing.assert_allclose(turned @ [*middle, 1], [*middle, 1], atol=1e-3)
    normal = view.mrmlSliceNode().GetSliceToRAS()
    axis = [normal.GetElement(row, 2) for row in range(3)]
    np.testing.assert_allclose(turned[:3, :3] @ axis, axis, atol=1e-6)
    settled(panel)
    rig.click(panel.ui.undoButton)
    np.testing.assert_array_equal(parent_to_world(case.mrs["t2"]), first)
    rig.click(panel.ui.undoButton)
    np.testing.assert_array_equal(parent_to_world(case.mrs["t2"]), before)
    assert not panel.ui.undoButton.isEnabled()

"""What a surgeon does in the registration panel, and what is seen of it, for several test files."""

from __future__ import annotations

import numpy as np
import qt
import rig
import slicer
from MMHVAESynthesisLib.nodes.geometry import parent_to_world
from PySide6 import QtTest


def settled(panel):
    rig.process_events()
    rig.wait_until(lambda: not panel._timer.is_on and not panel._let_go.is_on, 20, "calm")
    return panel.ui.stateLabel.text


def chosen(panel, case):
    """Choose a case's nodes in the panel's rows."""
    rig.choose(panel.ui.usSelector, case.ultrasound.GetName())
    for name, node in case.mrs.items():
        rig.choose(getattr(panel.ui, f"{name}Selector"), node.GetName())
    settled(panel)
    return case


def run(panel, button, timeout=300):
    settled(panel)
    rig.click(button)
    assert panel.logic.is_running
    rig.wait_until(lambda: not panel.logic.is_running, timeout, "the end of the registration")
    return settled(panel)


def opened(section):
    """Unfold a section, which may be so from an earlier test."""
    if section.collapsed:
        rig.click(section)


def folded(section):
    """Fold a section again, if it is open."""
    if not section.collapsed:
        rig.click(section)


def point_in(node, world_point):
    """A landmark placed in an image: a markup under the image's own transform."""
    markup = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", f"in {node.GetName()}")
    markup.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    markup.AddControlPoint(*(np.linalg.inv(parent_to_world(node)) @ [*world_point, 1])[:3])
    return markup


def seen(markup):
    place = [0.0] * 3
    markup.GetNthControlPointPositionWorld(0, place)
    return np.array(place)


def tick(panel, text, nth=0):
    """Click the box of the nth row of that text in the list "Moves along"."""
    rows = panel.ui.movesList
    items = [rows.item(row) for row in range(rows.count) if rows.item(row).text().startswith(text)]
    rows.scrollToItem(items[nth])
    place = rows.visualItemRect(items[nth])
    QtTest.QTest.mouseClick(rows.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place.topLeft() + qt.QPoint(11, 8))
    return settled(panel)

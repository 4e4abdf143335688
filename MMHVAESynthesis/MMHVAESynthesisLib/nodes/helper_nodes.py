"""Displayable nodes that only serve to show something: one a scene, never saved, taken out with what shows them."""

from __future__ import annotations

from typing import Any

import slicer


def find_helper(class_name: str, attribute: str, kind: str) -> Any:
    """The one of this scene whose ``attribute`` says ``kind``, or None.

    It is no singleton, which would outlive the scene's closing.
    """
    nodes = slicer.util.getNodesByClass(class_name)
    return next((node for node in nodes if node.GetAttribute(attribute) == kind), None)


def new_helper(class_name: str, name: str, attribute: str, kind: str, is_listed: bool = False) -> Any:
    """One with display nodes; in the lists of nodes that users choose from only if so asked."""
    node = slicer.mrmlScene.CreateNodeByClass(class_name)
    node.UnRegister(None)
    node.SetName(name)
    node.SetHideFromEditors(not is_listed)
    node.SetSaveWithScene(False)
    node.SetAttribute(attribute, kind)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    return node


def remove_shown(node: Any) -> None:
    """Remove a displayable node and its display nodes, which Slicer would leave behind.

    The node goes first: a slice view that shows a volume without a display node gives it a new one, which would stay,
    and the volume's voxels with it.
    """
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    slicer.mrmlScene.RemoveNode(node)
    for display in displays:
        if display is not None:
            slicer.mrmlScene.RemoveNode(display)

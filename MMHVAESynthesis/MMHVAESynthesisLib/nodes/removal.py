"""Take a node out of the scene with what it alone was shown by; Slicer would leave its display nodes behind."""

from __future__ import annotations

from typing import Any

import slicer


def remove_shown(node: Any) -> None:
    """Remove a displayable node of ours and its display nodes."""
    for display in [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]:
        if display is not None:
            slicer.mrmlScene.RemoveNode(display)
    slicer.mrmlScene.RemoveNode(node)

"""A NIfTI file that contradicts itself: whatever it comes in as, the registration panel asks where it lies."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import slicer
from MMHVAERegistrationLib.case import candidates
from MMHVAERegistrationLib.folded_panels import FoldedPanels
from MMHVAERegistrationLib.panel import MoveList, RegionRow
from MMHVAESynthesisLib.nodes import ijk_to_ras, label_layers

from ....core import bad_files as bad
from ...made_nodes import fan, volume
from ..opened_panel import opened, settled, tick

#: Who loaded the file, and where it is chosen; of which button it is the matter, and the row that asks.
ENTRANCES = {
    "a segmentation by Overlays > Load": ("load", "overlay"),
    "a segmentation in Overlays": ("loadSegmentation", "overlay"),
    "a ticked segmentation": ("loadSegmentation", "moves"),
    "a ticked label map": ("loadLabelVolume", "moves"),
    "a ticked volume": ("loadVolume", "moves"),
    "the region": ("loadSegmentation", "region"),
}


@pytest.fixture
def entered(panel):
    panel.ui.registerButton.window().resize(1400, 1600)  # room for two sections that are unfolded
    rig.choose(panel.ui.usSelector, volume(fan(), name="iUS").GetName())
    rig.choose(panel.ui.t2Selector, volume(fan(), name="T2").GetName())
    assert "Ready" in settled(panel)
    return panel


def brought_in(panel, folder, how):
    """The node of a file of which the sform is moved, as by coregistration, and the qform is where it was."""
    path = bad.nifti(folder, bad.label_map(), sform_code=1, srow=bad.rows(shift=-20))
    if how != "load":
        node = getattr(slicer.util, how)(str(path), {"name": "plan"})
        settled(panel)
        return node
    opened(panel.ui.overlaysSection)
    overlays = panel.part(FoldedPanels).overlays
    rig.choose_files(path)
    rig.click(overlays.load_button)
    assert "x.nii: 2 segments." in overlays.work.label.text
    return overlays.selector.currentNode()


def placed(node):
    """Where the file's first voxel of all is, R in mm: of a segmentation by where its labels are."""
    if not node.IsA("vtkMRMLSegmentationNode"):
        return ijk_to_ras(node)[0, 3]
    (layer,) = label_layers(node)
    first = np.argwhere(layer.array == 1)[0][::-1]
    return (layer.ijk_to_ras @ [*first, 1])[0] - 5


def row_and_button(panel, node, what):
    """Where the question stands, and what cannot begin before it is answered."""
    overlays = panel.part(FoldedPanels).overlays
    if what == "overlay":
        opened(panel.ui.overlaysSection)
        overlays.selector.setCurrentNode(node)
        return overlays._form, overlays.export_button
    if what == "region":
        opened(panel.ui.advancedSection)
        rig.choose(panel.ui.regionSelector, node.GetName())
        return panel.part(RegionRow)._form, panel.ui.registerButton
    (box,) = [c for c in candidates(panel.parameters) if c.node is node]
    if not box.is_ticked:
        tick(panel, node.GetName())
    return panel.part(MoveList)._form, panel.ui.registerButton


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_it_is_asked_and_heeded(entered, tmp_path, entrance):
    panel, (how, what) = entered, ENTRANCES[entrance]
    node = brought_in(panel, tmp_path, how)
    row, begin = row_and_button(panel, node, what)
    settled(panel)
    assert "disagree by 20.0 mm: a corner lies at R" in begin.toolTip
    assert f"choose below, in the row of {node.GetName()}, which one is right" in begin.toolTip
    assert not begin.isEnabled()
    assert not row.widget.isHidden()
    for form, x in (("qform", 8.3), ("sform", -11.7), ("qform", 8.3)):
        rig.click(row.buttons[form])
        settled(panel)
        assert placed(node) == pytest.approx(x, abs=1e-3)
        assert begin.isEnabled(), begin.toolTip
        assert {name: button.isChecked() for name, button in row.buttons.items()} == {
            name: name == form for name in row.buttons
        }

"""The live view from its panel."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAESynthesisLib.live.live_panel import LivePanel

from ..made_nodes import volume
from .streams import frame, push, stream


class Parameters:
    """The part of the panel's parameters that the live view reads."""

    bundle, device, temperature, seed = "starter", "cpu", 0.5, 0


@pytest.fixture
def panel(scene, engine):
    panel = LivePanel(engine, Parameters)
    panel.widget.show()
    yield panel
    panel.close()
    panel.widget.close()


def test_from_the_panel(panel):
    source = stream()
    other = volume(np.ones((5, 5, 5), np.uint8), name="MR")
    panel.source_selector.setCurrentNode(other)
    assert not panel.button.isEnabled()
    assert "3-D volume" in panel.button.toolTip
    rig.choose(panel.source_selector, "Image")
    rig.choose(panel.target_selector, "FLAIR")
    rig.choose(panel.view_selector, "Green")
    rig.click(panel.button)
    for number in range(30):
        push(source, frame(number))
        rig.process_events(30)
    rig.wait_until(lambda: "frames a second" in rig.shown_text(panel.label), timeout=120)
    assert (rig.grab_slice("Green").max(axis=2) > 20).mean() > 0.1
    assert slicer.util.getNode("SYNTHETIC FLAIR live") is panel.view.node
    assert not panel.target_selector.isEnabled()
    rig.click(panel.keep_box)
    rig.click(panel.button)
    assert panel.button.text == "Start live view"
    assert slicer.util.getNode("SYNTHETIC FLAIR live").GetSaveWithScene()
    assert panel.target_selector.isEnabled()


def test_the_panel_says_why_the_live_view_went_off(panel):
    source = stream()
    panel.source_selector.setCurrentNode(source)
    rig.click(panel.button)
    rig.wait_until(lambda: panel.view.node is not None, timeout=120)
    slicer.mrmlScene.RemoveNode(panel.view.node)
    rig.process_events()
    assert "Live view is off" in rig.shown_text(panel.label)
    assert panel.button.text == "Start live view"
    slicer.mrmlScene.RemoveNode(source)
    rig.process_events()
    assert not panel.button.isEnabled()

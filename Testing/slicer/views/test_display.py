"""What the slice views show of results, by their pixels."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAESynthesisLib.synthesis.appearance import LARGEST_UNCERTAINTY, set_up_image, set_up_uncertainty
from MMHVAESynthesisLib.synthesis.results import ANCHOR, KIND, MODALITY, Results
from MMHVAESynthesisLib.views import display
from MMHVAESynthesisLib.views.display import COLOURS, CONTOURS, OFF

from ..made_nodes import volume

SIDE = 40


def result(array, kind, anchor):
    node = volume(array, name=f"SYNTHETIC {kind}")
    node.SetAttribute(KIND, kind)
    node.SetAttribute(MODALITY, "t2")
    node.SetNodeReferenceID(ANCHOR, anchor.GetID())
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node


@pytest.fixture
def results(scene):
    """A grey input, a darker image over it, and an uncertainty that is large in one half only."""
    us = volume(np.full((SIDE, SIDE, SIDE), 100, np.uint8))
    us.CreateDefaultDisplayNodes()
    us.GetDisplayNode().SetAutoWindowLevel(False)
    us.GetDisplayNode().SetWindowLevelMinMax(0, 200)
    image = result(np.full((SIDE, SIDE, SIDE), 0.05, np.float32), "image", us)
    set_up_image(image, "t2")
    deviation = np.full((SIDE, SIDE, SIDE), 0.002, np.float32)
    deviation[:, :, SIDE // 2 :] = LARGEST_UNCERTAINTY
    uncertainty = result(deviation, "uncertainty", us)
    set_up_uncertainty(uncertainty)
    return Results({"t2": image}, {"t2": uncertainty})


def shown() -> np.ndarray:
    """The middle of the red view, (rows, columns, 3), cut to the volume."""
    slicer.util.resetSliceViews()
    rig.process_events(50)
    picture = rig.grab_slice("Red").astype(int)
    rows, columns = picture.shape[:2]
    half = min(rows, columns) // 4
    return picture[rows // 2 - half : rows // 2 + half, columns // 2 - half : columns // 2 + half]


def test_the_opacity_fades_between_input_and_image(results):
    levels = []
    for opacity in (0.0, 0.5, 1.0):
        display.show_results(results, "t2", opacity)
        levels.append(shown().mean())
    assert levels[0] == pytest.approx(127, abs=2)
    assert levels[0] > levels[1] > levels[2]
    assert levels[1] == pytest.approx((levels[0] + levels[2]) / 2, abs=2)
    display.show_results(results, "us", 1.0)
    assert shown().mean() == pytest.approx(levels[0], abs=1)


def test_colours_tell_certain_from_uncertain(results):
    display.show_results(results, "t2", 0.0, COLOURS)
    picture = shown()
    middle = picture.shape[1] // 2
    halves = picture[:, 20 : middle - 20].mean((0, 1)), picture[:, middle + 20 : -20].mean((0, 1))
    yellow, blue = sorted(halves, key=lambda colour: colour[2] - colour[0])
    assert yellow[0] > yellow[2] + 30
    assert blue[2] > blue[0] + 20


def test_contours_cover_only_their_lines(results):
    display.show_results(results, "t2", 0.0, OFF)
    plain = shown()
    display.show_results(results, "t2", 0.0, CONTOURS)
    changed = (np.abs(shown() - plain).max(-1) > 20).mean()
    assert 0 < changed < 0.2
    display.show_results(results, "t2", 0.0, OFF)
    assert np.abs(shown() - plain).max() <= 2


def test_showing_again_and_again_adds_no_node(results, scene):
    for how in (COLOURS, CONTOURS, OFF):
        display.show_results(results, "t2", 0.5, how)
    count = scene.GetNumberOfNodes()
    for how in (CONTOURS, COLOURS, CONTOURS, OFF):
        display.show_results(results, "t2", 0.5, how)
        assert slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode") == []
    assert scene.GetNumberOfNodes() == count


def test_contours_follow_new_values(results):
    display.show_results(results, "t2", 0.5, CONTOURS)
    array = slicer.util.arrayFromVolume(results.uncertainty["t2"])
    array[:] = 0
    slicer.util.arrayFromVolumeModified(results.uncertainty["t2"])
    display.show_results(results, "t2", 0.5, CONTOURS)
    (levels,) = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    assert not slicer.util.arrayFromVolume(levels).any()


def test_a_label_map_of_the_users_stays(results, scene):
    own = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Tumour")
    slicer.util.setSliceViewerLayers(label=own)
    display.show_results(results, "t2", 0.5, OFF)
    (composite, *_) = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetLabelVolumeID() == own.GetID()


def test_without_results_nothing_changes(scene):
    own = volume(np.ones((4, 4, 4), np.uint8))
    slicer.util.setSliceViewerLayers(background=own)
    display.show_results(Results(), "t2", 0.5, COLOURS)
    (composite, *_) = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == own.GetID()

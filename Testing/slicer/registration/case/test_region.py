"""A box or a segmentation within which the ultrasound is registered: which voxels count, wherever both lie; what the
panel, the card, the record and the undo make of it; and what makes a result out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import rig

rig.require()

import pytest
import slicer
from mmhvae import InputError
from MMHVAERegistrationLib.case.region import Region
from MMHVAERegistrationLib.panel.trust_card import moved_text
from MMHVAERegistrationLib.report.record import Subject, report_of
from MMHVAESynthesisLib.nodes.volume_files import FileImage

from ...made_nodes import pose, transform, volume
from ..made_case import make_case, rigid
from ..opened_panel import chosen, opened, run, settled

SHAPE, MIDDLE, RADIUS = (30, 32, 34), np.array([14.0, 15.0, 16.0]), 9.0  # indices (i, j, k)


def image(left_handed):
    return FileImage(np.ones(SHAPE, np.float32), pose(3, (0.8, 1.0, 1.2), left_handed))


def distances(found, place):
    """Of each voxel (k, j, i) from the region's middle, mm, as the region's own axes have it."""
    k, j, i = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    world = np.stack([i, j, k, np.ones(SHAPE)], -1) @ found.ijk_to_ras.T
    return (world @ np.linalg.inv(place).T)[..., :3]


def box(size, place=None, name="Box"):
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    roi.SetSize(*size)
    if place is not None:
        roi.SetAndObserveTransformNodeID(transform(place).GetID())
    return roi


def segmentation(radii, spacing=0.7, name="Brain"):
    """Shells about the origin of the node's own coordinates, oblique voxels: a segment between two radii each."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    side = int(2 * max(outer for _, outer in radii) / spacing) + 5
    grid = pose(11, (spacing,) * 3)
    grid[:3, 3] = -grid[:3, :3] @ ([(side - 1) / 2] * 3)
    like = volume(np.zeros((side,) * 3, np.uint8), grid, "grid of the segmentation")
    radius = np.linalg.norm(np.indices((side,) * 3) - (side - 1) / 2, axis=0) * spacing
    for number, (inner, outer) in enumerate(radii):
        node.GetSegmentation().AddEmptySegment(f"s{number}", f"shell {number}")
        array = ((radius >= inner) & (radius < outer)).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, f"s{number}", like)
    slicer.mrmlScene.RemoveNode(like)
    return node


@pytest.mark.parametrize("left_handed", [False, True])
def test_a_turned_box_keeps_the_voxels_within_it(scene, left_handed):
    us = image(left_handed)
    place = pose(8)
    place[:3, 3] = (us.ijk_to_ras @ [*MIDDLE, 1])[:3]
    found = Region(box((16, 18, 20), place)).mask_on(us)
    offsets = np.abs(distances(found, place)) - np.array([8, 9, 10])
    assert (found.array[(offsets < -1e-6).all(-1)] == 1).all()
    assert (found.array[(offsets > 1e-6).any(-1)] == 0).all()
    np.testing.assert_array_equal(found.ijk_to_ras, us.ijk_to_ras)


@pytest.mark.parametrize(("segment", "inner", "outer"), [("", 0.0, RADIUS), ("s0", 0.0, 4.0), ("s1", 6.0, RADIUS)])
def test_segments_keep_the_voxels_within_them_and_their_holes_stay_holes(scene, segment, inner, outer):
    us, place = image(False), pose(9)
    place[:3, 3] = (us.ijk_to_ras @ [*MIDDLE, 1])[:3]
    node = segmentation([(0.0, 4.0), (6.0, RADIUS)])
    node.SetAndObserveTransformNodeID(transform(place).GetID())
    for name in ("s0", "s1"):  # what is hidden to see better counts all the same
        node.GetDisplayNode().SetSegmentVisibility(name, False)
    found = Region(node, segment).mask_on(us)
    far = np.linalg.norm(distances(found, place), axis=-1)
    gap = (far > 3.2) & (far < 6.8)  # between the two, and a voxel's width at their edges
    assert (found.array[(far > inner + 0.8) & (far < outer - 0.8) & ~gap] == 1).all()
    assert (found.array[(far > 4.8) & (far < 5.2)] == 0).all()
    assert (found.array[(far > outer + 0.8) | (far < inner - 0.8)] == 0).all()
    node.CreateClosedSurfaceRepresentation()  # as Show 3D does: no other region
    np.testing.assert_array_equal(Region(node, segment).mask_on(us).array, found.array)


def test_what_marks_nothing_is_a_sentence(scene):
    us, node = image(False), segmentation([(0.0, 4.0)])
    far = pose(9)
    far[:3, 3] = 500.0
    node.SetAndObserveTransformNodeID(transform(far).GetID())
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    for region, words in (
        (Region(node), "None of the ultrasound lies within Brain; choose another region, or none"),
        (Region(node, "s0"), "lies within shell 0 of Brain"),
        (Region(node, "s7"), "The segment of Brain that was chosen is gone; choose another one"),
        (Region(empty), "Empty has no segment; choose another region, or none"),
        (Region(box((3, 3, 3), far)), "None of the ultrasound lies within Box"),
    ):
        with pytest.raises(InputError, match=words):
            region.mask_on(us)


def moved(node):
    node.SetAndObserveTransformNodeID(transform(rigid(2)).GetID())


CHANGES = {
    "box moved": ("box", moved, "The region Cavity was moved since; register again"),
    "box resized": (
        "box",
        lambda node: node.SetSize(30, 31, 29),
        "The region Cavity has changed since; register again",
    ),
    "box removed": ("box", slicer.mrmlScene.RemoveNode, "The region Cavity is gone"),
    "segment edited": (
        "segment",
        lambda node: (
            slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, "s0").__setitem__((20, 20, 20), 0)
            or node.GetSegmentation().GetSegment("s0").Modified()
            or node.GetSegmentation().GetSegment("s0").GetRepresentation("Binary labelmap").Modified()
        ),
        "The region shell 0 of Cavity has changed since; register again",
    ),
    "segment moved": ("segment", moved, "The region shell 0 of Cavity was moved since; register again"),
    "segment removed": ("segment", lambda n: n.GetSegmentation().RemoveSegment("s0"), "is gone or cannot be used"),
    "another segment edited": ("segment", lambda n: n.GetSegmentation().RemoveSegment("s1"), ""),
    "segment hidden": ("segment", lambda n: n.GetDisplayNode().SetSegmentVisibility("s0", False), ""),
    "shown in 3D": ("segment", lambda n: n.CreateClosedSurfaceRepresentation(), ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_by_mouse_to_the_verdict_and_what_makes_it_out_of_date(panel, change):
    kind, alter, words = CHANGES[change]
    case = chosen(panel, make_case(1))
    node = (
        box((34, 36, 38), case.frame, "Cavity") if kind == "box" else segmentation([(0, 20), (21, 22)], 1.1, "Cavity")
    )
    if kind == "segment":
        node.SetAndObserveTransformNodeID(transform(case.frame).GetID())
    opened(panel.ui.advancedSection)
    rig.choose(panel.ui.regionSelector, "Cavity")
    settled(panel)
    assert panel.ui.regionSegmentSelector.isVisible() == (kind == "segment")
    if kind == "segment":
        rig.choose(panel.ui.regionSegmentSelector, "shell 0")
    run(panel, panel.ui.previewButton)
    outcome, name = panel.logic.outcome, "Cavity" if kind == "box" else "shell 0 of Cavity"
    np.testing.assert_allclose(outcome.world @ np.linalg.inv(case.world), np.eye(4), atol=1.0)
    assert f"Registered within {name} only: " in panel.ui.movedLabel.text
    assert (outcome.region, outcome.region_kind) == (name, kind)
    assert 0.2 < outcome.region_share < 0.8
    assert "Out of date" not in panel.ui.stateLabel.text
    alter(node)
    text = settled(panel)
    assert ("Out of date" in text) == bool(words)
    assert words in text


def test_the_undo_and_the_record_without_and_with_its_name(panel):
    case = chosen(panel, make_case(1))
    box((34, 36, 38), case.frame, "DOE^JOHN box")
    opened(panel.ui.advancedSection)
    rig.choose(panel.ui.regionSelector, "DOE^JOHN box")
    run(panel, panel.ui.previewButton)
    logic, outcome = panel.logic, panel.logic.outcome
    rig.click(panel.ui.undoButton)
    assert (logic.outcome, "box" in panel.ui.reasonLabel.text) == (None, False)
    np.testing.assert_array_equal(logic.world, np.eye(4))
    rig.click(panel.ui.redoButton)
    assert logic.outcome.to_json() == outcome.to_json()
    assert "Registered within DOE^JOHN box only" in panel.ui.movedLabel.text
    for has_names, words in ((False, "within a box only: "), (True, "within DOE^JOHN box only: ")):
        subject = Subject(panel.parameters, case.ultrasound, case.mrs, None, logic.world, outcome, False, has_names)
        assert words in report_of(subject, datetime(2026, 11, 30)).moved
    assert "within a box only: 12 % of" in moved_text(replace(outcome, region_share=0.123), False, has_names=False)
    slicer.mrmlScene.RemoveNode(panel.parameters.regionBox)
    assert "is gone" in settled(panel)
    rig.click(panel.ui.undoButton)
    assert "Out of date" not in settled(panel)

"""Segmentations from files: shown over the ultrasound in slices and in 3-D, or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import rig

rig.require()

import slicer
import vtk
from MMHVAERegistrationLib.overlays.overlay_loading import PALETTE
from vtk.util.numpy_support import vtk_to_numpy

from ...made_nodes import pose, transform, volume
from .section import SHAPE, ball, shift, write


@pytest.mark.parametrize("kind", ["plan.seg.nrrd", "plan.nrrd", "plan.nii.gz", "float.nii.gz"])
def test_what_a_surgeon_has_can_be_loaded_and_is_seen(case, tmp_path, kind):
    array = (ball() * 2).astype(np.float32 if "float" in kind else np.uint8)
    place = pose(3, (1.0, 1.2, 0.9), left_handed=kind == "plan.nrrd")
    described = {"Segment0_Name": "tumour", "Segment0_LabelValue": "2", "Segment0_ID": "t"}
    if kind == "plan.seg.nrrd":
        described["Segment0_Color"] = "0.2 0.8 0.4"
    path = write(tmp_path / kind, array, place, **described)
    case.mr = volume(np.zeros(SHAPE, np.uint8), place, "T2")
    case.mr.SetAndObserveTransformNodeID(transform(pose(9), "navigation").GetID())
    node = case.load(path)
    assert case.panel.work.label.text == f"{kind}: 1 segments."
    assert node.GetParentTransformNode() is case.mr.GetParentTransformNode()
    assert case.changes == 1
    # A label map says nothing of colours: it gets one that stands out from ultrasound, not one drawn by lot.
    colour = (0.2, 0.8, 0.4) if kind == "plan.seg.nrrd" else PALETTE[0]
    assert node.GetSegmentation().GetNthSegment(0).GetColor() == pytest.approx(colour)
    display = node.GetDisplayNode()
    assert (display.GetVisibility2DOutline(), display.GetVisibility2DFill()) == (1, 1)
    assert display.GetOpacity2DFill() < 0.4 < display.GetOpacity2DOutline()
    surface = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Closed surface")
    points = np.array([surface.GetPoint(n) for n in range(surface.GetNumberOfPoints())])
    centre = (place @ [19, 17, 15, 1])[:3]
    distances = np.linalg.norm(points - centre, axis=1)
    assert points.mean(axis=0) == pytest.approx(centre, abs=0.3)
    assert 0.9 * 9 - 2 < distances.min() <= distances.max() < 1.2 * 9 + 2
    for box, name in ((case.panel.slices_box, "GetVisibility2D"), (case.panel.three_d_box, "GetVisibility3D")):
        assert box.checked
        rig.click(box)
        assert not getattr(display, name)()
    assert not display.GetVisibility()


def test_the_outline_and_a_light_fill_are_drawn_over_the_slice(case, tmp_path):
    case.us = volume(np.full(SHAPE, 100, np.uint8), name="iUS")
    case.us.CreateDefaultDisplayNodes()
    case.us.GetDisplayNode().AutoWindowLevelOff()
    case.us.GetDisplayNode().SetWindowLevel(255, 127)
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    slicer.util.setSliceViewerLayers(background=case.us)
    red = slicer.app.layoutManager().sliceWidget("Red")
    red.fitSliceToBackground()
    red.mrmlSliceNode().JumpSliceByCentering(19, 17, 15)

    def colour(x: float) -> int:
        """How far from grey the slice is along a row through the middle, where it is that most within half a mm."""
        pixels = rig.grab_slice("Red").astype(int)
        spans = [red.sliceView().convertRASToXYZ((x + d, 17.3, 15)) for d in (-0.5, 0.5)]
        low, high = sorted(round(span[0]) for span in spans)
        return int(np.ptp(pixels[pixels.shape[0] - 1 - round(spans[0][1]), low : high + 1], axis=-1).max())

    middle, edge, beside = colour(19), colour(19 + 8.5), colour(19 + 14)
    assert beside == 0
    assert edge > 60
    assert 8 < middle < edge / 2
    node.SetAndObserveTransformNodeID(transform(shift(100)).GetID())
    assert colour(19) == 0  # it follows the registration


class View3D:
    """Slicer's own drawing of segmentations in 3-D, off screen: the rig has no 3-D view."""

    def __init__(self) -> None:
        self._renderer, self._window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetSize(200, 200)
        self._window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self._renderer)
        manager = slicer.vtkMRMLSegmentationsDisplayableManager3D()
        manager.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._group.AddDisplayableManager(manager)
        self._group.SetMRMLDisplayableNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode"))
        # As in Slicer's own views: a manager looks for what there is at the end of a batch, and the view then aims.
        state = slicer.vtkMRMLScene.BatchProcessState
        slicer.mrmlScene.StartState(state)
        slicer.mrmlScene.EndState(state)
        rig.process_events()
        self._renderer.ResetCamera()

    def coloured(self) -> np.ndarray:
        """Columns and rows (N, 2) of the pixels that are not grey."""
        rig.process_events()
        self._window.Render()
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, 199, 199, 0, pixels, 0)
        return np.argwhere(np.ptp(vtk_to_numpy(pixels).reshape(200, 200, 3).astype(int), axis=-1) > 30)

    def close(self) -> None:
        self._group.SetMRMLDisplayableNode(None)
        self._group.SetRenderer(None)
        self._window.Finalize()


def test_the_surface_is_drawn_in_3d_and_follows_the_registration(case, tmp_path):
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    view = View3D()
    try:
        before = view.coloured()
        assert len(before) > 3000  # a disc that fills a good part of the view
        node.SetAndObserveTransformNodeID(transform(shift(4.0)).GetID())
        after = view.coloured()
        assert np.linalg.norm(after.mean(axis=0) - before.mean(axis=0)) > 10
        rig.click(case.panel.three_d_box)
        assert len(view.coloured()) == 0
    finally:
        view.close()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("holiday.nrrd", b"not an image", "cannot be read"),
        ("empty.nrrd", np.zeros(SHAPE, np.uint8), "shows no segment"),
        ("t2.nii.gz", np.arange(30 * 34 * 38, dtype=np.int32).reshape(SHAPE), "an image, it seems"),
        ("ct.nrrd", ball() * np.float32(0.5), "whole numbers"),
        ("seg.dcm", b"\0" * 128 + b"DICM" + b"\0" * 64, "QuantitativeReporting"),
    ],
)
def test_what_is_no_segmentation_is_refused_in_a_sentence(case, tmp_path, name, content, words):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write(path, content, np.eye(4))
    assert case.load(path) is None
    assert words in case.panel.work.label.text
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    assert case.changes == 0

"""Segmentations over the ultrasound: loaded, drawn, and brought onto its exact grid, wherever both lie."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig

rig.require()

import qt
import SimpleITK as sitk
import slicer
import vtk
from mmhvae import InputError
from mmhvae.registration.label_files import read_segmentation
from MMHVAERegistrationLib.overlay_loading import PALETTE
from MMHVAERegistrationLib.overlays_panel import OverlaysPanel
from MMHVAERegistrationLib.result_transform import create_result, put_under
from MMHVAESynthesisLib.geometry import ijk_to_ras, parent_to_world, to_vtk
from MMHVAESynthesisLib.shared_engine import shared_engine
from scipy import ndimage
from vtk.util.numpy_support import vtk_to_numpy

from .nodes import fan, pose, rotation, transform, volume

SHAPE = (30, 34, 38)


def ball(centre: Any = (15, 17, 19), radius: float = 9.0) -> np.ndarray:
    return np.linalg.norm(np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(centre), axis=-1) < radius


def write(path: Any, array: np.ndarray, ijk_to_ras: np.ndarray, **metadata: str) -> Any:
    """A label map as a file, by SimpleITK alone; a fourth axis holds layers."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def shift(x: float) -> np.ndarray:
    """(4, 4), so many mm to the right."""
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


class Case:
    """A panel with an ultrasound and an MR; attributes are set by the tests."""

    def __init__(self) -> None:
        self.us: Any = None
        self.mr: Any = None
        self.changes = 0
        self.window = qt.QWidget()
        self.panel = OverlaysPanel(self.window, lambda: self.mr, lambda: self.us, shared_engine, self.changed)
        self.window.resize(380, 260)
        self.window.show()

    def changed(self) -> None:
        self.changes += 1

    def load(self, path: Any) -> Any:
        rig.choose_files(path)
        rig.click(self.panel.load_button)
        return self.panel.selector.currentNode()

    def export(self) -> list[Any]:
        before = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
        rig.click(self.panel.export_button)
        rig.wait_until(lambda: not self.panel.work.bar.isVisible(), 60, "the end of the export")
        return [n for n in slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if n not in before]


@pytest.fixture
def case(scene) -> Any:
    case = Case()
    yield case
    case.panel.close()
    case.window.close()


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


@pytest.mark.parametrize("seed", range(4))
def test_the_export_has_the_exact_grid_and_the_registration(case, tmp_path, seed):
    """Everything oblique, under different parents; against where each voxel's centre was in the original."""
    plan, grid = pose(seed, (1.0, 1.2, 0.9), seed % 2 == 1), pose(seed + 20, (0.8, 0.7, 0.9), seed > 1)
    path = write(tmp_path / "plan.nrrd", ball().astype(np.uint8), plan)
    case.mr = volume(np.zeros(SHAPE, np.uint8), plan, "T2")
    case.mr.SetAndObserveTransformNodeID(transform(pose(seed + 40), "navigation").GetID())
    case.us = volume(np.zeros((46, 50, 48), np.uint8) + 1, grid, "iUS")
    wanted = pose(seed + 60)  # the tumour lies in the middle of the ultrasound once it is registered
    result = create_result(case.mr.GetParentTransformNode())
    put_under(result, case.mr)
    node = case.load(path)
    assert node.GetParentTransformNode() is result
    case.us.SetAndObserveTransformNodeID(transform(wanted, "probe").GetID())
    there = (wanted @ grid @ [23.7, 25.1, 22.6, 1])[:3]
    parent = parent_to_world(case.mr.GetParentTransformNode())
    local = np.eye(4)
    local[:3, :3] = rotation(seed + 80)
    local[:3, 3] = (np.linalg.inv(parent) @ [*there, 1])[:3] - local[:3, :3] @ (plan @ [19, 17, 15, 1])[:3]
    result.SetMatrixTransformToParent(to_vtk(local))
    (label,) = case.export()
    assert label.GetParentTransformNode() is case.us.GetParentTransformNode()
    np.testing.assert_array_equal(ijk_to_ras(label), ijk_to_ras(case.us))
    array = slicer.util.arrayFromVolume(label) > 0
    assert array.shape == (46, 50, 48)
    kji = np.moveaxis(np.indices(array.shape), 0, -1)
    world = kji[..., ::-1] @ (wanted @ grid)[:3, :3].T + (wanted @ grid)[:3, 3]
    back = np.linalg.inv(parent @ local @ plan)
    ijk = world @ back[:3, :3].T + back[:3, 3]
    inside = sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
    nearest = np.rint(ijk).astype(int)
    on_it = ((nearest >= 0) & (nearest < SHAPE[::-1])).all(-1)
    expected = np.zeros(array.shape, bool)
    expected[on_it] = inside[tuple(nearest[on_it].T[::-1])]
    assert 2 * (array & expected).sum() / (array.sum() + expected.sum()) > 0.95
    original = inside.sum() * 1.0 * 1.2 * 0.9
    assert array.sum() * 0.8 * 0.7 * 0.9 == pytest.approx(original, rel=0.02)
    assert "All segments lie within it" in case.panel.work.label.text
    assert label.GetDisplayNode().GetColorNode().GetColorName(1) == "Segment_1"


def stale(case: Case, words: str) -> None:
    """The panel says so, or, of no words, nothing is out of date."""

    def is_told() -> bool:
        shown = case.panel.stale_label.isVisible()
        return words in case.panel.stale_label.text and shown == bool(words)

    rig.wait_until(is_told, 5, f"'{words}' in '{case.panel.stale_label.text}'")
    assert case.panel.export_button.text.endswith("again") == bool(words)


def test_an_overlay_says_when_it_is_out_of_date_and_is_brought_up_to_date(case, tmp_path):
    case.us = volume(fan(), np.eye(4), "iUS")
    probe, above = transform(shift(5), "probe"), transform(shift(5), "registration")
    case.us.SetAndObserveTransformNodeID(probe.GetID())
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    node.SetAndObserveTransformNodeID(above.GetID())
    (label,) = case.export()
    rig.process_events(500)
    stale(case, "")
    probe.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))
    above.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))
    rig.process_events(500)
    stale(case, "")  # both were moved together
    above.SetMatrixTransformToParent(to_vtk(shift(8) @ pose(1)))
    stale(case, f"Out of date: {label.GetName()}. plan was moved since (by registration, undo or a transform)")
    above.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))  # as an undo does
    stale(case, "")
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(0), case.us)
    array[15, 17, 19:40] = 1  # a stroke of the brush
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, node.GetSegmentation().GetNthSegmentID(0), case.us)
    stale(case, "plan has changed since; bring it onto the grid again.")
    before = slicer.util.arrayFromVolume(label).copy()
    label.GetDisplayNode().SetOpacity(0.3)
    assert case.export() == []  # the same node, as it is shown
    stale(case, "")
    assert (slicer.util.arrayFromVolume(label) != before).any()
    assert label.GetDisplayNode().GetOpacity() == 0.3
    case.us.SetOrigin(1, 0, 0)
    stale(case, "The iUS was moved since; bring it onto the grid again.")
    case.us.SetOrigin(0, 0, 0)
    case.us.SetAndObserveTransformNodeID(above.GetID())
    stale(case, "The iUS was moved since")
    case.export()
    stale(case, "")
    slicer.util.arrayFromVolume(case.us)[20, 20, 20] ^= 1
    slicer.util.arrayFromVolumeModified(case.us)
    stale(case, "The iUS has changed since; bring it onto the grid again.")
    slicer.mrmlScene.RemoveNode(node)
    rig.wait_until(lambda: "The segmentation that it was made of is gone." in case.panel.stale_label.text, 5)


def test_what_is_out_of_date_is_known_after_the_scene_was_saved_and_loaded(case, tmp_path):
    array = np.stack([ball(radius=5) * 4, ball(radius=9) * 2], -1).astype(np.uint8)
    described = {"Segment0_ID": "a", "Segment0_LabelValue": "4", "Segment0_Layer": "0"}
    described |= {"Segment1_ID": "b", "Segment1_LabelValue": "2", "Segment1_Layer": "1"}
    place = pose(2, (1.0, 1.2, 0.9))
    case.us = volume(fan(), place, "iUS")
    case.load(write(tmp_path / "plan.seg.nrrd", array, place, **described))
    assert len(case.export()) == 2
    rig.process_events(500)
    stale(case, "")
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    rig.process_events(100)
    slicer.util.loadScene(file)
    case.us, node = slicer.util.getNode("iUS"), slicer.util.getNode("plan")
    case.panel.selector.setCurrentNode(node)
    rig.process_events(500)
    stale(case, "")
    node.SetAndObserveTransformNodeID(transform(shift(4)).GetID())
    stale(case, "plan was moved since")
    segments = node.GetSegmentation()
    segments.RemoveSegment(segments.GetNthSegmentID(1))
    stale(case, "plan has changed since")
    assert case.export() == []
    assert len(slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")) == 1  # that of the other layer has gone


def test_overlapping_segments_become_label_maps_of_their_own(case, tmp_path):
    array = np.stack([ball(radius=5), ball(radius=9)], -1).astype(np.uint8)
    path = write(
        tmp_path / "plan.seg.nrrd", array, np.eye(4),
        Segment0_Name="core", Segment0_ID="a", Segment0_LabelValue="1", Segment0_Layer="0",
        Segment1_Name="oedema", Segment1_ID="b", Segment1_LabelValue="1", Segment1_Layer="1",
    )  # fmt: skip
    case.us = volume(fan(), np.diag([1.0, 1.0, 1.0, 1.0]), "iUS")
    case.load(path)
    nodes = case.export()
    counts = sorted(int((slicer.util.arrayFromVolume(node) > 0).sum()) for node in nodes)
    assert counts == sorted([ball(radius=5).sum(), ball(radius=9).sum()])
    names = {node.GetDisplayNode().GetColorNode().GetColorName(1) for node in nodes}
    assert names == {"core", "oedema"}
    assert len({node.GetName() for node in nodes}) == 2


def test_what_lies_outside_is_said(case, tmp_path):
    case.us = volume(fan(), np.eye(4), "iUS")
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    node.SetAndObserveTransformNodeID(transform(shift(-19)).GetID())
    case.export()
    assert "Segment_1: 46 %" in case.panel.work.label.text
    assert "% of it lies outside the ultrasound" in case.panel.work.label.text


def test_a_segment_that_voxels_are_too_coarse_for_is_told(case, tmp_path):
    case.us = volume(np.ones((8, 8, 9), np.uint8), np.diag([6.0, 6.0, 6.0, 1.0]), "iUS")
    case.load(write(tmp_path / "plan.nrrd", ball(radius=1.2).astype(np.uint8), np.eye(4)))
    (label,) = case.export()
    assert (slicer.util.arrayFromVolume(label) > 0).sum() == 1
    assert "Segment_1: 216 of 7 mm3, since the voxels are coarse beside it." in case.panel.work.label.text


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


def dicom_seg(path: Any) -> Any:
    """A DICOM file of the class Segmentation Storage, as ITK can write it: with voxels, without the place of frames."""
    image = sitk.GetImageFromArray(ball().astype(np.uint8))
    for tag, value in {"0008|0016": "1.2.840.10008.5.1.4.1.1.66.4", "0008|0060": "SEG", "0008|103e": "plan"}.items():
        image.SetMetaData(tag, value)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.KeepOriginalImageUIDOn()
    writer.Execute(image)
    return path


def test_dicom_seg_needs_its_reader_though_itk_would_read_it_in_a_wrong_place(case, tmp_path):
    path = dicom_seg(tmp_path / "seg.dcm")
    assert sitk.ReadImage(str(path)).GetMetaData("0008|0060").strip() == "SEG"  # nothing but us would refuse it
    assert case.load(path) is None
    assert "install the extension QuantitativeReporting, or save the segmentation as .seg.nrrd" in (
        case.panel.work.label.text
    )
    with pytest.raises(InputError, match="is DICOM; load it in 3D Slicer and save the segmentation as"):
        read_segmentation(path)


class StandInDicom:
    """In place of Slicer's DICOMUtils and the extension's reader, which exist in the desktop application only."""

    def __init__(self, makes: Callable[[list[Any]], list[Any]]) -> None:
        self._makes, self._files = makes, []

    @contextlib.contextmanager
    def TemporaryDICOMDatabase(self) -> Iterator[Any]:  # noqa: N802 - Slicer's name
        yield self

    def importDicom(self, folder: str, database: Any) -> None:  # noqa: N802 - Slicer's name
        self._files = sorted(Path(folder).iterdir())

    def patients(self) -> list[str]:
        return ["1"]

    def loadPatientByUID(self, patient: str) -> list[str]:  # noqa: N802 - Slicer's name
        return [node.GetID() for node in self._makes(self._files)]


@pytest.fixture
def reader(monkeypatch) -> Any:
    """Installs a reader that makes what it is told."""

    def install(makes: Callable[[list[Any]], list[Any]]) -> None:
        monkeypatch.setattr(slicer.modules, "dicomPlugins", {"DICOMSegmentationPlugin": None}, raising=False)
        library = types.ModuleType("DICOMLib")
        library.DICOMUtils = StandInDicom(makes)
        monkeypatch.setitem(sys.modules, "DICOMLib", library)

    return install


def test_dicom_seg_by_a_reader_is_shown_with_its_own_colours_and_nothing_else_stays(case, tmp_path, reader):
    seen = []

    def makes(files: list[Any]) -> list[Any]:
        seen.extend(file.name for file in files)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "plan")
        node.GetSegmentation().AddEmptySegment("a", "tumour", (0.1, 0.9, 0.2))
        slicer.util.updateSegmentBinaryLabelmapFromArray(ball().astype(np.uint8), node, "a", case.mr)
        return [volume(np.zeros(SHAPE, np.uint8), name="the MR that the file refers to"), node]

    reader(makes)
    case.mr = volume(np.zeros(SHAPE, np.uint8), name="T2")
    case.mr.SetAndObserveTransformNodeID(transform(pose(9), "navigation").GetID())
    (tmp_path / "other.dcm").write_bytes(b"not asked for")
    node = case.load(dicom_seg(tmp_path / "seg.dcm"))
    assert seen == ["seg.dcm"]  # of the folder, the file that was chosen alone
    assert node.GetParentTransformNode() is case.mr.GetParentTransformNode()
    assert node.GetSegmentation().GetNthSegment(0).GetColor() == pytest.approx((0.1, 0.9, 0.2))
    assert node.GetSegmentation().GetNthSegment(0).GetRepresentation("Closed surface") is not None
    assert [v.GetName() for v in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")] == ["T2"]


def test_dicom_that_holds_no_segmentation_is_a_sentence(case, tmp_path, reader):
    reader(lambda files: [volume(np.zeros(SHAPE, np.uint8), name="CT")])
    assert case.load(dicom_seg(tmp_path / "ct.dcm")) is None
    assert "ct.dcm holds no segmentation that can be read" in case.panel.work.label.text
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_buttons_say_why_they_do_nothing(case, tmp_path):
    assert not case.panel.export_button.isEnabled()
    assert "Choose or load a segmentation" in case.panel.export_button.toolTip
    rig.choose_files()
    rig.click(case.panel.load_button)  # cancelled
    case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    assert not case.panel.export_button.isEnabled()
    assert "The ultrasound has no volume yet" in case.panel.export_button.toolTip


def lumps(case: Case, tmp_path: Any) -> None:
    """An uneven tumour with a core in an oblique grid of 4 million voxels: seconds of work."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((80,) * 3), 4)
    distance = np.linalg.norm(np.indices((80,) * 3) - 40, axis=0) + 6 * noise / noise.std()
    grid = pose(3, (0.5, 0.5, 0.5))
    grid[:3, 3] = 40 - grid[:3, :3] @ [80, 80, 80]
    case.us = volume(np.ones((160,) * 3, np.uint8), grid, "iUS")
    array = (distance < 28).astype(np.uint8) + (distance < 14)
    case.load(write(tmp_path / "plan.nrrd", array, np.eye(4)))


def test_the_main_thread_is_never_held_up(case, tmp_path):
    """No turn of the event loop takes 100 ms of this thread's own time; the work, done here, would take seconds."""
    lumps(case, tmp_path)
    with rig.event_loop_turns() as turns:
        (label,) = case.export()
    assert np.bincount(slicer.util.arrayFromVolume(label).ravel())[1:].min() > 50_000
    assert len(turns) > 20
    assert max(turns) < 0.1


@pytest.mark.parametrize("how", ["cancelled", "segmentation removed", "scene closed"])
def test_an_export_that_ends_in_the_engine_leaves_nothing(case, tmp_path, how):
    lumps(case, tmp_path)
    rig.click(case.panel.export_button)
    rig.wait_until(lambda: case.panel.work.bar.value > 100, 60, "the engine's work")
    if how == "cancelled":
        rig.click(case.panel.work.cancel_button)
    elif how == "segmentation removed":
        slicer.mrmlScene.RemoveNode(case.panel.selector.currentNode())
    else:
        slicer.mrmlScene.Clear(0)
    rig.wait_until(lambda: not case.panel.work.bar.isVisible(), 10, "the end of the export")
    words = "plan was removed while it was worked on" if how == "segmentation removed" else "Cancelled"
    assert words in case.panel.work.label.text
    assert slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") == []
    assert case.panel.export_button.isEnabled() == (how == "cancelled")


def test_a_cancelled_export_leaves_nothing(case, tmp_path):
    specks = np.zeros(SHAPE, np.uint8)
    specks[::3, ::3, ::3] = 1  # many pieces: many steps
    case.us = volume(fan(), np.eye(4), "iUS")
    case.load(write(tmp_path / "plan.nrrd", specks, np.eye(4)))
    rig.click(case.panel.export_button)
    assert not case.panel.load_button.isEnabled()
    rig.click(case.panel.work.cancel_button)
    assert "Cancelled" in case.panel.work.label.text
    rig.process_events(50)
    assert slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") == []
    assert case.panel.export_button.isEnabled()

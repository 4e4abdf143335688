"""The record as a surgeon saves it: figures that are true, files that others can use, no names, no half folder."""

from __future__ import annotations

import base64
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig

rig.require()

import qt
import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.logic import MMHVAERegistrationLogic
from MMHVAERegistrationLib.pose.outcome import Outcome
from MMHVAERegistrationLib.pose.result_transform import before_to_world
from MMHVAERegistrationLib.report.drawing import draw_line, grey_picture, outlines, png
from MMHVAERegistrationLib.report.figures import AFTER, BEFORE
from MMHVAERegistrationLib.report.record import Subject
from MMHVAERegistrationLib.report.report_panel import ReportPanel

from ...made_nodes import pose, rotation, transform, volume

NOW = datetime(2026, 11, 25, 14, 5, 6)
SIZE = 48
WITNESSED = "Each route searching alone ends here: ceT1 1.0 mm."


def world_of(seed: int) -> np.ndarray:
    """A registration of some degrees and mm."""
    matrix = np.eye(4)
    turn = rotation(seed)
    matrix[:3, :3] = (
        turn @ np.array([[np.cos(0.1), -np.sin(0.1), 0], [np.sin(0.1), np.cos(0.1), 0], [0, 0, 1]]) @ turn.T
    )
    matrix[:3, 3] = [5.0, -4.0, 3.0]
    return matrix


def outcome(world: np.ndarray, verdict: str = "check") -> Outcome:
    return Outcome(
        world, verdict, 2.4, "T2 and ceT1 disagree by 2.1 mm.", 7.1, 5.7,
        witnessed=WITNESSED, bundle="starter", weights_sha256="cd" * 32, device="cpu", seconds=3.0,
    )  # fmt: skip


class Case:
    """A registered case whose every node is named after its patient."""

    def __init__(self) -> None:
        self.logic = MMHVAERegistrationLogic()
        self.parameters = self.logic.getParameterNode()
        ball = np.linalg.norm(np.indices((SIZE,) * 3) - (SIZE - 1) / 2, axis=0) < 0.45 * SIZE
        self.us = volume((ball * 120).astype(np.uint8), self.centred(1), "DOE^JOHN iUS")
        self.world = world_of(2)
        self.mr = volume(
            np.random.default_rng(0).integers(1, 900, (SIZE,) * 3).astype(np.int16),
            np.linalg.inv(self.world) @ self.centred(3), "DOE^JOHN T2",
        )  # fmt: skip
        self.parameters.us, self.parameters.t2 = self.us, self.mr
        self.plan = self.segment()
        self.landmarks()
        self.outcome: Outcome | None = None
        self.is_pending = False
        self.window = qt.QWidget()
        self.panel = ReportPanel(self.window, self.subject, lambda: NOW)
        self.window.resize(380, 160)
        self.window.show()

    @staticmethod
    def centred(seed: int) -> np.ndarray:
        """An oblique grid about the world's (10, 20, 30)."""
        matrix = pose(seed, (1.0, 1.1, 0.9))
        matrix[:3, 3] = np.array([10.0, 20.0, 30.0]) - matrix[:3, :3] @ ([(SIZE - 1) / 2] * 3)
        return matrix

    def segment(self) -> Any:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "DOE^JOHN plan")
        node.SetReferenceImageGeometryParameterFromVolumeNode(self.mr)
        node.GetSegmentation().AddEmptySegment("a", "DOE^JOHN tumour")
        ball = np.linalg.norm(np.indices((SIZE,) * 3) - (SIZE - 1) / 2, axis=0) < 9
        slicer.util.updateSegmentBinaryLabelmapFromArray(ball.astype(np.uint8), node, "a", self.mr)
        return node

    def landmarks(self) -> None:
        points = np.random.default_rng(1).normal([10, 20, 30], 8, (5, 3))
        back = np.linalg.inv(self.world)
        for name, places in (("usLandmarks", points), ("mrLandmarks", points @ back[:3, :3].T + back[:3, 3])):
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", f"DOE^JOHN {name}")
            for place in places:
                node.AddControlPoint(*place, "DOE^JOHN point")
            setattr(self.parameters, name, node)

    def register(self, verdict: str = "check") -> None:
        self.outcome = outcome(self.world, verdict)
        self.logic.go_to(self.parameters, "registered", self.world, self.outcome)
        self.panel.refresh()

    def subject(self, has_names: bool) -> Subject | None:
        if self.outcome is None and self.logic.history is None:
            return None
        return Subject(
            self.parameters,
            self.us,
            {"t2": self.mr},
            self.mr,
            self.logic.world,
            self.outcome,
            self.is_pending,
            has_names,
        )

    def save(self, parent: Path) -> Path | None:
        before = set(parent.iterdir()) if parent.is_dir() else set()
        rig.choose_files(parent)
        rig.click(self.panel.save_button)
        found = set(parent.iterdir()) - before if parent.is_dir() else set()
        assert len(found) <= 1
        return found.pop() if found else None


@pytest.fixture
def case(scene) -> Any:
    case = Case()
    yield case
    case.window.close()


def decoded(page: str) -> list[np.ndarray]:
    """The page's pictures, (H, W, 3), by Qt's reader."""
    found = []
    for data in re.findall(r"base64,([A-Za-z0-9+/=]+)", page):
        image = qt.QImage.fromData(base64.b64decode(data)).convertToFormat(qt.QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        found.append(rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy())
    return found


def middle_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Mean (column, row) of the pixels of a colour."""
    return np.argwhere((picture == colour).all(-1))[:, ::-1].mean(axis=0)


def test_the_record_is_a_page_and_transforms_that_others_can_use(case, tmp_path):
    case.register()
    folder = case.save(tmp_path)
    assert folder.name == "registration-2026-11-25-140506"
    assert sorted(path.name for path in folder.iterdir()) == [
        "report.html",
        "report.pdf",
        "us-to-mr.h5",
        "us-to-mr.tfm",
    ]
    assert os.stat(folder).st_mode & 0o777 == 0o755
    landmarks = [case.parameters.usLandmarks, case.parameters.mrLandmarks]
    for name in ("us-to-mr.tfm", "us-to-mr.h5"):
        read = sitk.ReadTransform(str(folder / name))
        for index in range(5):
            fixed, moving = (np.array(node.GetNthControlPointPosition(index)) * [-1, -1, 1] for node in landmarks)
            assert read.TransformPoint(fixed.tolist()) == pytest.approx(moving, abs=1e-4)
    node = slicer.util.loadTransform(str(folder / "us-to-mr.tfm"))  # Slicer puts it on the MR as it is
    held = slicer.util.arrayFromTransformMatrix(node)
    np.testing.assert_allclose(held, case.world, atol=1e-6)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert WITNESSED in page
    for words in ("CHECK", "2.4 mm", "T2 and ceT1 disagree", "no calibration on patients", "cd" * 32, "Not approved"):
        assert words in page
    assert re.search(r"Mean distance [1-9]\d*\.\d mm before, 0\.0 mm after", page)
    assert f"Saved in {folder}" == case.panel.label.text


def test_the_figures_show_the_plan_before_and_after(case, tmp_path):
    case.register()
    before, after, mr_before, mr_after = decoded((case.save(tmp_path) / "report.html").read_text())
    centre = np.array([before.shape[1] - 1, before.shape[0] - 1]) / 2
    assert np.linalg.norm(middle_of(after, AFTER) - centre) < 3  # the tumour belongs in the ultrasound's middle
    shown = middle_of(before, BEFORE) - centre
    spacing = (0.9 * SIZE + 12) / 520  # mm a pixel, about
    expected = (np.linalg.inv(case.world) @ [10, 20, 30, 1])[:3] - [10, 20, 30]
    planes = [(-expected[0], -expected[1]), (-expected[0], -expected[2]), (-expected[1], -expected[2])]
    assert min(np.linalg.norm(shown * spacing - plane) for plane in planes) < 1.5
    assert not (before == AFTER).all(-1).any()
    assert (after == BEFORE).all(-1).any()
    for picture, has, lacks in ((mr_before, BEFORE, AFTER), (mr_after, AFTER, BEFORE)):
        assert (picture == has).all(-1).any()
        assert not (picture == lacks).all(-1).any()
    assert len({picture.shape for picture in (before, after, mr_before, mr_after)}) == 1
    dashes = [(picture == colour).all(-1).sum() for picture, colour in ((before, BEFORE), (mr_after, AFTER))]
    assert dashes[0] < 0.75 * dashes[1]  # dashed, for those who do not see the colour


def test_a_segment_that_was_hidden_is_not_drawn(case, tmp_path):
    case.register()
    case.plan.CreateDefaultDisplayNodes()
    case.plan.GetDisplayNode().SetSegmentVisibility("a", False)
    pictures = decoded((case.save(tmp_path) / "report.html").read_text())
    assert len(pictures) == 4
    assert not any((picture == colour).all(-1).any() for picture in pictures for colour in (BEFORE, AFTER))


def test_no_name_is_anywhere_unless_it_is_wanted(case, tmp_path):
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "DOE^JOHN")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientName", "DOE^JOHN")
    hierarchy.CreateItem(patient, case.mr)
    case.mr.SetAndObserveTransformNodeID(transform(np.eye(4), "DOE^JOHN navigation").GetID())
    case.register()
    parent = tmp_path / "DOE^JOHN"
    parent.mkdir()
    folder = case.save(parent)
    assert "DOE" not in folder.name
    for path in folder.iterdir():
        content = re.sub(rb"base64,[A-Za-z0-9+/=]+", b"", path.read_bytes())
        assert b"doe" not in content.lower().replace(b"does", b"")
        assert b"john" not in content.lower()
    rig.click(case.panel.names_box)
    page = (case.save(parent) / "report.html").read_text()
    assert "Patient: <strong>DOE^JOHN</strong>" in page
    assert "DOE^JOHN T2" in page
    assert "DOE^JOHN point" in page


def test_a_result_that_is_not_used_says_so(case, tmp_path):
    case.outcome, case.is_pending = outcome(case.world, "failed"), True
    case.panel.refresh()
    page = (case.save(tmp_path) / "report.html").read_text()
    assert "FAILED" in page
    assert "Not in use: nothing was moved." in page
    assert "registration not used: nothing moved" in page
    transform_read = sitk.ReadTransform(str(next(tmp_path.iterdir()) / "us-to-mr.tfm"))
    assert transform_read.TransformPoint((1.0, 2.0, 3.0)) == pytest.approx((1, 2, 3), abs=1e-9)


def test_a_pose_by_hand_and_a_bare_case(case, tmp_path):
    case.logic.go_to(case.parameters, "hand", case.world)
    slicer.mrmlScene.RemoveNode(case.plan)
    case.parameters.usLandmarks = None
    case.panel.refresh()
    page = (case.save(tmp_path) / "report.html").read_text()
    assert "BY HAND" in page
    assert "No landmarks were given." in page
    assert len(decoded(page)) == 4
    case.us = None
    page = (case.save(tmp_path) / "report.html").read_text()
    assert "No figure: the ultrasound has no volume." in page


def test_buttons_say_why_they_do_nothing(case, tmp_path):
    for control, words in (
        (case.panel.save_button, "press Register first"),
        (case.panel.open_button, "Nothing was saved"),
    ):
        assert not control.isEnabled()
        assert words in control.toolTip
    case.register()
    rig.choose_files()  # cancelled
    rig.click(case.panel.save_button)
    assert not case.panel.open_button.isEnabled()
    folder = case.save(tmp_path)
    assert case.save(tmp_path).name == f"{folder.name}-2"  # an earlier record is never overwritten
    rig.click(case.panel.open_button)
    assert rig.opened_urls == [qt.QUrl.fromLocalFile(str(tmp_path / f"{folder.name}-2" / "report.html")).toString()]


def test_a_folder_that_is_gone(case, tmp_path):
    case.register()
    assert case.save(tmp_path / "gone") is None
    assert "choose a folder that can be written to" in case.panel.label.text
    assert not case.panel.open_button.isEnabled()


def test_a_full_disk_leaves_nothing(case, tmp_path, full_disk):
    case.register()
    with full_disk(20_000):
        assert case.save(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert "has room" in case.panel.label.text


def test_landmarks_that_do_not_match_are_a_sentence(case, tmp_path):
    case.register()
    case.parameters.usLandmarks.AddControlPoint(0, 0, 0)
    assert case.save(tmp_path) is None
    assert "give pairs in the same order" in case.panel.label.text


def test_pictures_are_what_was_drawn():
    image = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    image[0, 0] = np.nan
    picture = grey_picture(image, 0.0, 1.0)
    (read,) = decoded("base64," + base64.b64encode(png(picture)).decode())
    np.testing.assert_array_equal(read, picture)
    assert picture[5, 9].tolist() == [255] * 3
    disc = (np.hypot(*np.indices((80, 90)) - np.array([40, 50])[:, None, None]) < 20).astype(np.float32)
    (line,) = outlines(disc)
    assert np.hypot(*(line - [50, 40]).T) == pytest.approx(np.full(len(line), 20), abs=1)
    assert np.linalg.norm(line[0] - line[-1]) < 1.5  # closed
    drawn = [np.zeros((80, 90, 3), np.uint8) for _ in range(2)]
    for target, dashed in zip(drawn, (False, True), strict=True):
        draw_line(target, line, (1, 2, 3), 2.0, dashed)
    painted = [(target == (1, 2, 3)).all(-1).sum() for target in drawn]
    assert 0.4 < painted[1] / painted[0] < 0.75


def test_before_is_where_navigation_shows_it(case):
    case.register()
    np.testing.assert_allclose(before_to_world(case.mr), np.eye(4))

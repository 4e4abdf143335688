"""DICOM SEG: refused in a sentence where its reader is not installed, shown where it is."""

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

import SimpleITK as sitk
import slicer
from mmhvae import InputError
from mmhvae.overlays.label_files import read_segmentation

from ...made_nodes import pose, transform, volume
from .section import SHAPE, ball


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

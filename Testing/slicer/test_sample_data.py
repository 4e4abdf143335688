"""The demo case in Sample Data: it is what was made, it loads offline, and a damaged copy is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rig
import SimpleITK as sitk

rig.require()

import qt
import SampleData
import slicer
from mmhvae import InputError
from mmhvae.bundle.shipped import demo_case
from MMHVAESynthesisLib import sample_data

CHECKSUMS = json.loads((demo_case() / "checksums.json").read_text())


@pytest.fixture
def module(scene):
    """The module in an empty scene, and its sample registered."""
    rig.load_module("MMHVAESynthesis")
    sample_data.register_sample_data()
    return slicer.util.getModuleLogic("MMHVAESynthesis")


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """A copy of the demo case that the module takes for the shipped one."""
    folder = tmp_path / "demo"
    shutil.copytree(demo_case(), folder)
    monkeypatch.setattr(sample_data, "demo_case", lambda: folder)
    return folder


def alter(file: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def press(name: str) -> None:
    """Press the sample's button in Sample Data."""
    panel = qt.QWidget()
    buttons, logic = qt.QVBoxLayout(panel), SampleData.SampleDataLogic()
    SampleData.SampleDataWidget.setCategoriesFromSampleDataSources(buttons, slicer.modules.sampleDataSources, logic)
    panel.show()
    rig.click(slicer.util.findChild(panel, f"{name}PushButton"))
    panel.close()


def seen() -> dict[str, tuple[str, Any]]:
    """The data that the scene shows to a user: class and content by name."""
    found = {}
    for node in slicer.util.getNodesByClass("vtkMRMLDisplayableNode"):
        if node.IsA("vtkMRMLScalarVolumeNode"):
            content: Any = hashlib.sha256(slicer.util.arrayFromVolume(node).tobytes()).hexdigest()
        elif node.IsA("vtkMRMLSegmentationNode"):
            content = node.GetSegmentation().GetNumberOfSegments()
        elif node.IsA("vtkMRMLMarkupsFiducialNode"):
            content = slicer.util.arrayFromMarkupsControlPoints(node).round(6).tolist()
        else:
            continue
        found[node.GetName()] = (node.GetClassName(), content)
    return found


def test_registered_once_with_verified_files_that_are_here(module):
    sample_data.register_sample_data()
    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory("MMHVAE")
    assert source.sampleName == "MMHVAEDemo"
    names = [Path(uri).name for uri in source.uris]
    assert source.uris == [(demo_case() / name).as_uri() for name in names]
    assert source.checksums == [f"SHA256:{CHECKSUMS[name]}" for name in names]
    assert all(name.startswith("MMHVAEDemo-") for name in source.fileNames)  # one cache for all samples
    assert Path(source.thumbnailFileName).is_file()


def test_the_button_fills_the_scene_and_the_panel(module):
    press("MMHVAEDemo")
    nodes = [slicer.util.getNode(name) for name in seen()]
    assert [node.GetClassName() for node in nodes] == [
        *["vtkMRMLScalarVolumeNode"] * 3,
        "vtkMRMLSegmentationNode",
        *["vtkMRMLMarkupsFiducialNode"] * 2,
    ]
    for node, name in zip(nodes, ("T2", "ceT1", "FLAIR"), strict=False):
        assert name in node.GetName()
        assert slicer.util.arrayFromVolume(node).any()
    labels = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(demo_case() / "preop-tumour.nii.gz"))))
    assert nodes[3].GetSegmentation().GetNumberOfSegments() == np.count_nonzero(labels) > 0
    segments = [nodes[3].GetSegmentation().GetNthSegment(n) for n in range(3)]
    assert [segment.GetName() for segment in segments] == ["oedema", "tumour core", "enhancing rim"]
    np.testing.assert_allclose([segment.GetColor() for segment in segments], sample_data.TUMOUR_COLOURS, atol=1e-6)
    parameters = module.getParameterNode()
    assert Path(parameters.sweepPath) == demo_case() / "sweep.igs.mha"
    assert Path(parameters.calibration) == demo_case() / "image-to-probe.txt"
    assert module.problem(parameters) == ""


def test_a_script_gets_the_same_data_as_the_button(module):
    """`SampleData.downloadSample` never calls a custom downloader."""
    press("MMHVAEDemo")
    by_button = seen()
    slicer.mrmlScene.Clear(0)
    assert "T2" in SampleData.downloadSample("MMHVAEDemo").GetName()
    assert seen() == by_button
    slicer.mrmlScene.Clear(0)
    *nodes, sweep, calibration = SampleData.downloadSamples("MMHVAEDemo")
    assert [node.GetName() for node in nodes] == list(by_button)
    for path, name in ((sweep, "sweep.igs.mha"), (calibration, "image-to-probe.txt")):
        assert Path(path).read_bytes() == (demo_case() / name).read_bytes()


def test_the_two_lists_of_landmarks_are_pairs_under_the_true_displacement(module):
    sample_data.load_demo_case()
    fixed, moving = (slicer.util.getNode(name) for name in sample_data.landmark_names())
    to_lps = np.array([-1, -1, 1])
    points, shown = (slicer.util.arrayFromMarkupsControlPoints(node) * to_lps for node in (fixed, moving))
    truth = sitk.ReadTransform(str(demo_case() / "us-to-preop.tfm"))
    np.testing.assert_allclose([truth.TransformPoint(point) for point in points.tolist()], shown, atol=1e-4)
    assert 4 < np.linalg.norm(points - shown, axis=1).mean() < 9  # mm: as far as the demo's MR lies off


def test_no_label_map_stays_behind(module):
    nodes = sample_data.load_demo_case()
    volumes = slicer.util.getNodesByClass("vtkMRMLVolumeNode")
    assert {node.GetID() for node in volumes} == {node.GetID() for node in nodes[:3]}
    assert rig.messages == []


def test_an_altered_file_is_found_whichever_it_is(copy):
    sample_data.verify(copy)
    for name in CHECKSUMS:
        content = (copy / name).read_bytes()
        alter(copy / name)
        with pytest.raises(InputError, match=name):
            sample_data.verify(copy)
        (copy / name).write_bytes(content)


def test_a_damaged_case_is_refused_in_one_sentence_and_nothing_is_loaded(module, copy):
    (copy / "preop-t2.nii.gz").unlink()
    before = slicer.mrmlScene.GetNumberOfNodes()
    assert sample_data.load_demo_case() == []
    ((kind, text),) = [(message.kind, message.text) for message in rig.messages]
    assert kind == "error"
    assert text == "The demo case's file preop-t2.nii.gz is missing or damaged; install MMHVAE again."
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert module.getParameterNode().sweepPath == ""

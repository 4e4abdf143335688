"""The demo case in Sample Data: it is what was made, it loads offline, and a damaged copy is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rig
import SimpleITK as sitk

rig.require()

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


def test_registered_once_with_verified_files_that_are_here(module):
    sample_data.register_sample_data()
    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory("MMHVAE")
    assert source.sampleName == "MMHVAEDemo"
    assert source.fileNames == list(CHECKSUMS)
    assert source.uris == [(demo_case() / name).as_uri() for name in CHECKSUMS]
    assert source.checksums == [f"SHA256:{digest}" for digest in CHECKSUMS.values()]
    assert Path(source.thumbnailFileName).is_file()


def test_sample_data_fills_the_scene_and_the_panel(module):
    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory("MMHVAE")
    nodes = source.customDownloader(source)  # what Sample Data's button does
    assert [node.GetClassName() for node in nodes] == [
        *["vtkMRMLScalarVolumeNode"] * 3,
        "vtkMRMLSegmentationNode",
        "vtkMRMLMarkupsFiducialNode",
    ]
    for node, name in zip(nodes, ("T2", "ceT1", "FLAIR"), strict=False):
        assert name in node.GetName()
        assert slicer.util.arrayFromVolume(node).any()
    labels = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(demo_case() / "preop-tumour.nii.gz"))))
    assert nodes[3].GetSegmentation().GetNumberOfSegments() == np.count_nonzero(labels) > 0
    segments = [nodes[3].GetSegmentation().GetNthSegment(n) for n in range(3)]
    assert [segment.GetName() for segment in segments] == ["oedema", "tumour core", "enhancing rim"]
    np.testing.assert_allclose([segment.GetColor() for segment in segments], sample_data.TUMOUR_COLOURS, atol=1e-6)
    assert nodes[4].GetNumberOfControlPoints() > 3
    parameters = module.getParameterNode()
    assert Path(parameters.sweepPath) == demo_case() / "sweep.igs.mha"
    assert Path(parameters.calibration) == demo_case() / "image-to-probe.txt"
    assert module.problem(parameters) == ""


def test_no_label_map_stays_behind(module):
    nodes = sample_data.load_demo_case()
    volumes = slicer.util.getNodesByClass("vtkMRMLVolumeNode")
    assert {node.GetID() for node in volumes} == {node.GetID() for node in nodes[:3]}
    assert rig.messages == []


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
def test_an_altered_file_is_found(copy, name):
    sample_data.verify(copy)
    alter(copy / name)
    with pytest.raises(InputError, match=name):
        sample_data.verify(copy)


def test_a_damaged_case_is_refused_in_one_sentence_and_nothing_is_loaded(module, copy):
    (copy / "preop-t2.nii.gz").unlink()
    before = slicer.mrmlScene.GetNumberOfNodes()
    assert sample_data.load_demo_case() == []
    ((kind, text),) = [(message.kind, message.text) for message in rig.messages]
    assert kind == "error"
    assert text == "The demo case's file preop-t2.nii.gz is missing or damaged; install MMHVAE again."
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert module.getParameterNode().sweepPath == ""

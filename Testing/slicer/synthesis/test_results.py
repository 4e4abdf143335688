"""Result nodes: where they are, what they remember, whether they survive a saved scene, and when they are stale."""

from __future__ import annotations

import json
from types import SimpleNamespace

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae.settings import SynthesisSettings
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras
from MMHVAESynthesisLib.nodes.volume_files import FileImage
from MMHVAESynthesisLib.synthesis import results as module
from MMHVAESynthesisLib.synthesis.installed_bundles import weights_checksum
from MMHVAESynthesisLib.synthesis.request import request_from
from MMHVAESynthesisLib.synthesis.results import (
    MADE,
    STALE,
    Provenance,
    ReadResults,
    find_results,
    input_fingerprints,
    is_synthetic,
    store,
)
from MMHVAESynthesisLib.synthesis.stale_watch import StaleWatch
from MMHVAESynthesisLib.synthesis.staleness import mark, stale_reason

from ..made_nodes import fan, image_item, pose, sequence, transform, transform_item, volume, vtk_matrix

SETTINGS = SynthesisSettings(samples=2, seed=3)


def request(**given):
    settings = {
        "us": None, "t2": None, "cet1": None, "flair": None, "sweepBrowser": None, "sweepPath": "", "calibration": "",
        "synthesizeUs": False, "synthesizeT2": True, "synthesizeCet1": False, "synthesizeFlair": False,
        "uncertainty": True, "bundle": "starter", "device": "cpu", "samples": 2, "temperature": 0.5, "seed": 3,
        "sliceAxis": "", "keepsEarlier": False,
    }  # fmt: skip
    return request_from(SimpleNamespace(**settings | given))


def made_from(request_) -> Provenance:
    return Provenance("starter", weights_checksum("starter"), "cpu", SETTINGS, "", input_fingerprints(request_))


def put(request_, *names: str, with_uncertainty: bool = True, ultrasound: bool = False):
    """Store results of ones, on the grid of the request's reference."""
    node = request_.volumes.get(request_.reference)
    place = ijk_to_ras(node) if node is not None else pose(8)
    image = FileImage(np.ones((4, 5, 6), np.float32), place)
    images = dict.fromkeys(names or ("t2",), image)
    us = FileImage(np.ones((4, 5, 6), np.uint8), place) if ultrasound else None
    read = ReadResults(images, images if with_uncertainty else {}, us, place, "", 1.0, "cpu")
    return store(request_, read, made_from(request_))


def count(scene) -> int:
    return len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))


def test_results_lie_beside_their_input_and_follow_it(scene):
    node = volume(fan(), pose(1), "Before")
    above = transform(pose(2))
    node.SetAndObserveTransformNodeID(above.GetID())
    hierarchy = scene.GetSubjectHierarchyNode()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Study")
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(folder, node)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), folder)
    results = put(request(us=node))
    assert len(results.nodes) == 2
    for result in results.nodes:
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(result)) == folder
        assert result.GetParentTransformNode() is above
        assert is_synthetic(result)
    assert not is_synthetic(node)
    assert node.GetName() == "Before"


@pytest.mark.parametrize("source", ["frames", "file"])
def test_results_of_a_sweep_stay_together_where_the_user_has_put_them(scene, source):
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    times = ["0", "1"]
    sequence(browser, "Image", {time: image_item(np.ones((8, 8), np.uint8)) for time in times})
    sequence(browser, "ImageToReference", {time: transform_item(pose(int(time)), "OK") for time in times})
    given = {"sweepBrowser": browser} if source == "frames" else {"sweepPath": "/data/sweep.igs.mha"}
    first = put(request(**given), "t2", ultrasound=True)
    assert [node.GetParentTransformNode() for node in first.nodes] == [None] * 3
    above = transform(pose(2), "to the patient")
    for node in first.nodes:
        node.SetAndObserveTransformNodeID(above.GetID())
    second = put(request(**given), "t2", "flair", ultrasound=True)
    assert [node.GetParentTransformNode() for node in second.nodes] == [above] * 5
    kept = put(request(**given, keepsEarlier=True), "t2", ultrasound=True)
    assert len({node.GetTransformNodeID() for node in kept.nodes}) == 1


def test_what_they_were_made_of_is_written_down(scene):
    node = volume(fan())
    result = put(request(us=node)).images["t2"]
    made = json.loads(result.GetAttribute(MADE))
    assert (made["bundle"], made["settings"]) == ("starter", SETTINGS.to_json())
    assert made["weights_sha256"] == weights_checksum("starter")
    assert len(made["weights_sha256"]) == 64
    assert made["inputs"].keys() == {"us"}
    assert Provenance.from_json(result.GetAttribute(MADE)).to_json() == result.GetAttribute(MADE)


def test_each_input_has_results_of_its_own(scene):
    first, second = request(us=volume(fan(), name="A")), request(us=volume(fan(), name="B"))
    file = request(sweepPath="/data/sweep.igs.mha")
    for one in (first, second, file):
        assert find_results(one).nodes == []
        put(one, ultrasound=one.has_sweep)
    assert find_results(first).images["t2"].GetName() == "SYNTHETIC T2 of A"
    assert find_results(second).images["t2"].GetName() == "SYNTHETIC T2 of B"
    assert find_results(file).images["t2"].GetName() == "SYNTHETIC T2 of sweep"
    assert find_results(file).ultrasound.GetName() == "Reconstructed iUS of sweep"
    assert not is_synthetic(find_results(file).ultrasound)


def test_a_node_that_was_renamed_keeps_its_name_if_it_says_synthetic(scene):
    one = request(us=volume(fan()))
    node = put(one).images["t2"]
    node.SetName("my SYNTHETIC image")
    put(one)
    assert node.GetName() == "my SYNTHETIC image"
    node.SetName("T2")
    put(one)
    assert node.GetName() == "SYNTHETIC T2 of iUS"


def test_earlier_results_are_kept_where_that_was_asked_for(scene):
    node = volume(fan())
    first = put(request(us=node))
    kept = slicer.util.arrayFromVolume(first.images["t2"]).copy()
    second = put(request(us=node, keepsEarlier=True))
    assert not set(first.nodes) & set(second.nodes)
    assert count(scene) == 5
    assert first.images["t2"].GetName() != second.images["t2"].GetName()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(first.images["t2"]), kept)
    third = put(request(us=node))
    assert third.images["t2"] is second.images["t2"] is find_results(request(us=node)).images["t2"]  # the newest


def test_a_failure_half_way_leaves_nothing(scene, monkeypatch):
    one = request(us=volume(fan()))
    before = count(scene)
    fill, done = module._fill, []

    def breaking(*arguments: object) -> None:
        done.append(fill(*arguments))
        if len(done) == 2:
            raise MemoryError

    monkeypatch.setattr(module, "_fill", breaking)
    with pytest.raises(MemoryError):
        put(one, "t2", "flair")
    assert count(scene) == before


def test_a_saved_scene_finds_its_results_again(scene, tmp_path):
    node = volume(fan(), pose(1))
    node.SetAndObserveTransformNodeID(transform(pose(2)).GetID())
    put(request(us=node))
    for saved in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        assert slicer.util.saveNode(saved, str(tmp_path / f"{saved.GetName()}.nrrd"))
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    scene.Clear(0)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Connect()
    again = slicer.util.getNode("iUS")
    results = find_results(request(us=again))
    assert results.images["t2"].GetName() == "SYNTHETIC T2 of iUS"
    assert stale_reason(results.images["t2"]) == ""
    assert put(request(us=again)).images["t2"] is results.images["t2"]


def change_voxel(node, above):
    slicer.util.arrayFromVolume(node)[3, 2, 1] += 1
    slicer.util.arrayFromVolumeModified(node)


def move(node, above):
    node.SetOrigin(1, 2, 3)


def move_transform(node, above):
    above.SetMatrixTransformToParent(vtk_matrix(pose(9)))


def take_out(node, above):
    node.SetAndObserveTransformNodeID(None)


def remove(node, above):
    slicer.mrmlScene.RemoveNode(node)


CHANGES = [
    (change_voxel, "The iUS has changed since"),
    (move, "The iUS was moved since"),
    (move_transform, "The iUS was moved since"),
    (take_out, "The iUS was moved since"),
    (remove, "is gone"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_results_are_stale_once_their_input_changed(scene, change, words):
    node, above = volume(fan()), transform(pose(2))
    node.SetAndObserveTransformNodeID(above.GetID())
    result = put(request(us=node)).images["t2"]
    assert mark([result], "starter") == ""
    assert result.GetAttribute(STALE) is None
    change(node, above)
    assert words in mark([result], "starter")
    assert words in result.GetAttribute(STALE)


def test_what_does_not_matter_makes_nothing_stale(scene):
    node = volume(fan())
    result = put(request(us=node)).images["t2"]
    node.SetName("renamed")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetThreshold(1, 5)
    slicer.util.arrayFromVolumeModified(node)
    matrix = ijk_to_ras(node)
    matrix[:3, 3] += 1e-5  # a scene saved as text
    node.SetIJKToRASMatrix(vtk_matrix(matrix))
    assert stale_reason(result) == ""


def test_a_mark_is_taken_off_where_the_change_is_undone(scene):
    node = volume(fan())
    result = put(request(us=node)).images["t2"]
    node.SetOrigin(1, 2, 3)
    assert mark([result])
    node.SetOrigin(0, 0, 0)
    assert mark([result]) == ""
    assert result.GetAttribute(STALE) is None


def test_another_model_makes_results_stale(scene):
    result = put(request(us=volume(fan()))).images["t2"]
    assert "another model (starter)" in stale_reason(result, "other")
    made = json.loads(result.GetAttribute(MADE))
    result.SetAttribute(MADE, json.dumps(made | {"weights_sha256": "0" * 64}))
    assert "another model" in stale_reason(result, "starter")


def test_a_sweep_in_the_scene_and_one_in_a_file(scene, tmp_path):
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Frames")
    sequence(browser, "Image", {"0": image_item(np.ones((4, 4), np.uint8))})
    poses = sequence(browser, "ImageToReference", {"0": transform_item(pose(1))})
    path = tmp_path / "sweep.igs.mha"
    path.write_bytes(b"frames")
    for one in (request(sweepBrowser=browser), request(sweepPath=str(path))):
        assert stale_reason(put(one, ultrasound=True).images["t2"]) == ""
    poses.UpdateDataNodeAtValue(transform_item(pose(2)), "0")
    path.write_bytes(b"other frames")
    for one in (request(sweepBrowser=browser), request(sweepPath=str(path))):
        assert "The iUS has changed" in stale_reason(find_results(one).images["t2"])


def test_the_watch_marks_by_itself(scene):
    node = volume(fan())
    result = put(request(us=node)).images["t2"]
    looked: list[int] = []
    watch = StaleWatch(lambda: "", lambda: looked.append(1))
    rig.wait_until(lambda: looked)
    above = transform(pose(2))
    node.SetAndObserveTransformNodeID(above.GetID())
    rig.wait_until(lambda: result.GetAttribute(STALE) is not None)
    node.SetAndObserveTransformNodeID(None)
    rig.wait_until(lambda: result.GetAttribute(STALE) is None)
    change_voxel(node, above)
    rig.wait_until(lambda: result.GetAttribute(STALE) is not None)
    watch.close()
    looked.clear()
    node.SetOrigin(5, 5, 5)
    rig.process_events(600)
    assert looked == []

"""Tracked frames of a sequence browser, compared with what the core reads of the file."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
import vtk
from mmhvae import InputError
from mmhvae.sweep.sequence_file import read_sweep
from MMHVAESynthesisLib.engine.steps import completed
from MMHVAESynthesisLib.nodes.browser_frames import require_sweep, write_sweep_steps

from ..made_nodes import image_item, pose, sequence, transform, transform_item

TIMES = ["0.0", "0.1", "0.2", "0.3"]
CALIBRATION = pose(1, (0.2, 0.3, 0.2))
PROBE = [pose(10 + n) for n in range(4)]


def frames() -> list[np.ndarray]:
    return [np.random.default_rng(n).integers(0, 255, (6, 8), dtype=np.uint8) for n in range(4)]


def make(chain: str = "both", statuses: tuple[str | None, ...] = (None,) * 4, name: str = "Image"):
    """A browser with four frames; ``chain``: which transforms the image's proxy lies under."""
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    images = sequence(browser, name, dict(zip(TIMES, map(image_item, frames()), strict=True)))
    probe_items = [transform_item(matrix, status) for matrix, status in zip(PROBE, statuses, strict=True)]
    probe = sequence(browser, "ProbeToReference", dict(zip(TIMES, probe_items, strict=True)))
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    image_proxy, probe_proxy = browser.GetProxyNode(images), browser.GetProxyNode(probe)
    above = probe_proxy
    if chain == "both":
        above = transform(CALIBRATION, "ImageToProbe", probe_proxy)
    if chain != "none":
        image_proxy.SetAndObserveTransformNodeID(above.GetID())
    return browser, image_proxy, probe_proxy


def written(browser, tmp_path, calibration=""):
    completed(write_sweep_steps(browser, calibration, tmp_path / "sweep.igs.mha"))
    return read_sweep(tmp_path / "sweep.igs.mha")


def numbers(matrix: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in matrix.flat)


def test_frames_and_poses_are_those_that_slicer_shows(scene, tmp_path):
    browser, image_proxy, probe_proxy = make()
    probe_proxy.SetAndObserveTransformNodeID(transform(pose(50), "ReferenceToWorld").GetID())
    sweep = written(browser, tmp_path)
    assert sweep.valid.all()
    assert np.array_equal(np.stack(list(sweep.frames)), np.stack(frames()))
    assert np.allclose(sweep.timestamps, [0, 0.1, 0.2, 0.3])
    for number in range(4):
        browser.SetSelectedItemNumber(number)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        shown = vtk.vtkMatrix4x4()
        image_proxy.GetParentTransformNode().GetMatrixTransformToWorld(shown)
        point = shown.MultiplyPoint((3, 2, 0, 1))
        assert np.allclose(sweep.image_to_reference[number] @ [3, 2, 0, 1], point, atol=1e-9)


def test_the_item_on_the_screen_stays(scene, tmp_path):
    browser, image_proxy, _ = make()
    browser.SetSelectedItemNumber(2)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    shown = slicer.util.arrayFromVolume(image_proxy).copy()
    count = scene.GetNumberOfNodes()
    written(browser, tmp_path)
    assert browser.GetSelectedItemNumber() == 2
    assert scene.GetNumberOfNodes() == count
    assert np.array_equal(slicer.util.arrayFromVolume(image_proxy), shown)


def test_frames_that_the_tracker_lost_stay_lost(scene, tmp_path):
    browser, *_ = make(statuses=("OK", "MISSING", None, "OUT_OF_VIEW"))
    assert written(browser, tmp_path).valid.tolist() == [True, False, True, False]


def test_a_frame_without_a_pose_of_its_time_is_lost(scene, tmp_path):
    browser, _image, probe_proxy = make()
    browser.GetSequenceNode(probe_proxy).RemoveDataNodeAtValue("0.2")
    assert written(browser, tmp_path).valid.tolist() == [True, True, False, True]


@pytest.mark.parametrize("chain", ["probe", "none"])
def test_a_calibration_takes_the_place_of_the_images_transform(scene, tmp_path, chain):
    browser, *_ = make(chain)
    sweep = written(browser, tmp_path, numbers(CALIBRATION))
    for number in range(4):
        assert np.allclose(sweep.image_to_reference[number], PROBE[number] @ CALIBRATION)


def test_another_calibration_replaces_the_one_in_the_scene(scene, tmp_path):
    browser, *_ = make("both")
    other = pose(2, (0.4, 0.4, 0.4))
    assert np.allclose(written(browser, tmp_path, numbers(other)).image_to_reference[1], PROBE[1] @ other)


def test_names_place_the_images_where_nobody_did(scene, tmp_path):
    browser, *_ = make("none")
    recorded = {time: transform_item(CALIBRATION) for time in TIMES}
    sequence(browser, "ImageToProbe", recorded)
    assert np.allclose(written(browser, tmp_path).image_to_reference[3], PROBE[3] @ CALIBRATION)


def test_a_single_transform_leaves_no_room_for_a_calibration(scene):
    browser, image_proxy, _probe = make("both")
    lone = transform(CALIBRATION, "ImageToReference")
    image_proxy.SetAndObserveTransformNodeID(lone.GetID())
    require_sweep(browser)
    with pytest.raises(InputError, match="leave the calibration out"):
        require_sweep(browser, numbers(CALIBRATION))


def no_images():
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    sequence(browser, "ProbeToReference", {"0": transform_item(PROBE[0])})
    return browser


def recorded_elsewhere():
    browser, _image, probe_proxy = make()
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Other")
    node = sequence(other, "TrackerToWorld", {"0": transform_item(PROBE[0])})
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(other)
    probe_proxy.SetAndObserveTransformNodeID(other.GetProxyNode(node).GetID())
    return browser


def deep_pixels():
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    sequence(browser, "Image", {"0": image_item(np.ones((4, 4), np.int16))})
    sequence(browser, "ImageToReference", {"0": transform_item(PROBE[0])})
    return browser


@pytest.mark.parametrize(
    ("make_browser", "words"),
    [
        (no_images, "holds no images"),
        (lambda: make("none")[0], "not placed in space"),
        (recorded_elsewhere, "was recorded in Other"),
        (deep_pixels, "8-bit"),
    ],
)
def test_what_cannot_be_placed_is_one_sentence(scene, make_browser, words):
    with pytest.raises(InputError) as caught:
        require_sweep(make_browser())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_colours_become_grey(scene, tmp_path):
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    item = slicer.vtkMRMLVectorVolumeNode()
    slicer.util.updateVolumeFromArray(item, np.full((1, 4, 5, 3), (30, 60, 90), np.uint8))
    sequence(browser, "Image", {"0": item})
    sequence(browser, "ImageToReference", {"0": transform_item(PROBE[0])})
    assert (np.stack(list(written(browser, tmp_path).frames)) == 60).all()

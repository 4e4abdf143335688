"""The middle of an ultrasound is where its volume, or the tracked frames, lie; that of an MR knows no registration."""

from __future__ import annotations

from dataclasses import replace

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae import InputError
from mmhvae.bundle.shipped import demo_case
from mmhvae.settings import SynthesisSettings
from mmhvae.sweep.calibration import read_calibration
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import read_sweep
from MMHVAERegistrationLib.pose.image_centres import middle_of_mr, middle_of_ultrasound
from MMHVAERegistrationLib.pose.result_transform import create_result, put_under
from MMHVAESynthesisLib.synthesis.request import Request

from ...made_nodes import fan, image_item, pose, sequence, transform, transform_item, volume
from ..made_case import rigid, set_world

NOTHING = Request({}, None, "", "", ("t2",), "starter", "cpu", SynthesisSettings())


def test_a_volume_and_an_mr_under_transforms(scene):
    node = volume(fan(21), pose(1))
    node.SetAndObserveTransformNodeID(transform(pose(2)).GetID())
    expected = (pose(2) @ pose(1) @ [10, 10, 10, 1])[:3]
    np.testing.assert_allclose(middle_of_ultrasound(replace(NOTHING, volumes={"us": node})), expected, atol=1e-9)
    result = create_result(None)
    put_under(result, node)
    set_world(result, rigid(1))
    np.testing.assert_allclose(middle_of_mr(node), expected, atol=1e-9)


def test_tracked_frames_in_the_scene(scene):
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "sweep")
    places = [pose(seed) for seed in range(3)]
    times = [str(number) for number in range(3)]
    sequence(browser, "Image-Image", {time: image_item(np.full((20, 30), 9, np.uint8)) for time in times})
    items = {time: transform_item(place) for time, place in zip(times, places, strict=True)}
    sequence(browser, "ImageToReference", items)
    expected = np.mean([place @ [14.5, 9.5, 0, 1] for place in places], axis=0)[:3]
    np.testing.assert_allclose(middle_of_ultrasound(replace(NOTHING, browser=browser)), expected, atol=1e-9)


def test_a_file_of_frames_has_the_middle_of_its_volume(scene):
    path, calibration = str(demo_case() / "sweep.igs.mha"), str(demo_case() / "image-to-probe.txt")
    found = middle_of_ultrasound(replace(NOTHING, sweep_path=path, calibration=calibration))
    grid = reconstruct(read_sweep(path, read_calibration(calibration)), 3.0).volume
    middle = grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in grid.GetSize()])
    assert np.linalg.norm(found - np.array(middle) * [-1, -1, 1]) < 25  # a fan is no box


def test_a_file_that_is_none_is_refused(scene, tmp_path):
    with pytest.raises(InputError):
        middle_of_ultrasound(replace(NOTHING, sweep_path=str(tmp_path / "nowhere.mha")))

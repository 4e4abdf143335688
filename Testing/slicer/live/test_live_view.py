"""The live view on real streams of frames: the newest is shown, where it was taken, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae import InputError
from mmhvae.settings import LiveSettings
from MMHVAESynthesisLib.live import live_view as live_module
from MMHVAESynthesisLib.live.live_frame import take_frame
from MMHVAESynthesisLib.live.live_view import LiveRequest, LiveView
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras, to_array
from MMHVAESynthesisLib.nodes.volume_files import voxels
from MMHVAESynthesisLib.synthesis.results import is_synthetic

from ..made_nodes import image_item, pose, sequence, transform, transform_item, volume, vtk_matrix
from .streams import SHAPE, frame, push, stream


@pytest.fixture
def settings(bundle):
    """``settings(**changes)`` with a tiny model."""
    return partial(LiveRequest, bundle, device="cpu")


@pytest.fixture
def live(scene, engine):
    """A live view that ends with the test, and the sentences with which it went off by itself."""
    ends: list[str] = []
    view = LiveView(engine, ends.append)
    view.ends = ends
    yield view
    view.stop()


def idle(live: LiveView) -> bool:
    return live._stream._job is None and live._stream._waiting is None and not live._stream._soon.is_on


def settle(live: LiveView) -> None:
    rig.wait_until(lambda: not live.is_on or (live.rate.came and idle(live)), timeout=120, what="the last frame")


def shown(live: LiveView) -> np.ndarray:
    return np.array(voxels(live.node)[0])


def red() -> tuple:
    layout = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    return layout.GetSliceNode(), layout.GetSliceCompositeNode()


def test_a_frame_is_shown_and_says_that_it_is_synthetic(live, settings):
    live.start(stream(), settings())
    settle(live)
    assert live.node.GetName() == "SYNTHETIC T2 live"
    assert is_synthetic(live.node)
    assert shown(live).shape == SHAPE
    assert shown(live)[20, 25] > 0
    assert shown(live)[0, 0] == 0
    assert not live.node.GetSaveWithScene()
    assert live.rate.came == live.rate.shown == 1


def test_frames_are_dropped_never_queued_and_the_last_one_ends_up_shown(live, settings, monkeypatch):
    source = stream()
    most = 0
    submit = live._engine.submit

    def counting(job, method, parameters, callbacks):
        nonlocal most
        pending = live._engine._pending
        submit(job, method, parameters, callbacks)
        most = max(most, len(pending))

    monkeypatch.setattr(live._engine, "submit", counting)
    live.start(source, settings(settings=LiveSettings(temperature=0.0)))
    for number in range(1, 60):
        push(source, frame(number))
        rig.process_events(2)
    settle(live)
    assert most == 1
    assert live.rate.came >= 50
    assert 2 <= live.rate.shown < live.rate.came
    last = shown(live)
    shown_before = live.rate.shown
    push(source, frame(59))  # the same again: what is shown is already that of this frame
    rig.wait_until(lambda: live.rate.shown > shown_before, timeout=60)
    again = shown(live)
    push(source, frame(58))
    rig.wait_until(lambda: live.rate.shown > shown_before + 1, timeout=60)
    assert np.abs(last - again).mean() < 0.3 * np.abs(last - shown(live)).mean()


def test_the_newest_waiting_frame_replaces_the_one_that_waits(live, settings):
    source = stream()
    live.start(source, settings())
    rig.wait_until(lambda: live._stream._job is not None, timeout=60)
    places = [pose(seed, (0.5, 0.5, 1)) for seed in range(3)]
    for number, place in enumerate(places):  # all while the first one is with the engine, unless that is very fast
        source.SetIJKToRASMatrix(vtk_matrix(place))
        push(source, frame(number))
        live._stream._take()
    settle(live)
    assert np.allclose(ijk_to_ras(live.node), places[-1], atol=1e-6)


@pytest.mark.parametrize("left_handed", [False, True])
def test_it_lies_where_the_frame_was_taken_though_the_probe_has_moved_on(live, settings, left_handed):
    own = pose(1, (0.4, 0.6, 1.0), left_handed)
    source = stream(0, own)
    reference = transform(pose(2), "ReferenceToRas")
    probe = transform(pose(3), "ProbeToReference", reference)
    source.SetAndObserveTransformNodeID(probe.GetID())
    live.start(source, settings())
    settle(live)
    for seed in (11, 12, 13):
        push(source, frame(seed))  # first the image, then its transform, as streams are set
        probe.SetMatrixTransformToParent(vtk_matrix(pose(seed)))
        taken = pose(2) @ pose(seed) @ own
        count = live.rate.came
        rig.wait_until(lambda count=count: live.rate.came > count, timeout=60)
        probe.SetMatrixTransformToParent(vtk_matrix(pose(99)))  # the probe moves on while the engine works
        settle(live)
        assert live.node.GetParentTransformNode() is None
        assert np.allclose(ijk_to_ras(live.node), taken, atol=1e-6)
        slice_to_ras = to_array(red()[0].GetSliceToRAS())
        assert np.linalg.det(slice_to_ras[:3, :3]) == pytest.approx(1)
        directions = taken[:3, :2] / np.linalg.norm(taken[:3, :2], axis=0)
        assert np.allclose(slice_to_ras[:3, 0], directions[:, 0], atol=1e-6)
        assert np.allclose(slice_to_ras[:3, 1], -directions[:, 1], atol=1e-6)
        assert np.allclose(slice_to_ras[:3, 3], (taken @ [24.5, 19.5, 0, 1])[:3], atol=1e-4)


def test_a_still_picture_that_is_moved_takes_its_image_along(live, settings, monkeypatch):
    monkeypatch.setattr(live_module, "STILL", 0.0)
    source, probe = stream(), transform(np.eye(4))
    source.SetAndObserveTransformNodeID(probe.GetID())
    live.start(source, settings())
    settle(live)
    probe.SetMatrixTransformToParent(vtk_matrix(pose(5)))
    rig.wait_until(lambda: live.rate.shown > 1 and idle(live), timeout=60)
    assert np.allclose(ijk_to_ras(live.node), pose(5) @ ijk_to_ras(source), atol=1e-6)


def test_the_slice_view_shows_it_and_is_given_back(live, settings):
    slice_node, composite = red()
    behind = volume(np.full((30, 30, 30), 90, np.uint8), name="MR")
    behind.CreateDefaultDisplayNodes()
    composite.SetForegroundVolumeID(behind.GetID())
    composite.SetForegroundOpacity(0.3)
    slice_node.SetOrientationToSagittal()
    slice_node.SetFieldOfView(123, 98, 1)
    slice_node.SetXYZOrigin(5, 6, 0)
    before = to_array(slice_node.GetSliceToRAS()), slice_node.GetFieldOfView(), slice_node.GetXYZOrigin()
    live.start(stream(0, pose(7, (0.5, 0.5, 1))), settings())
    settle(live)
    assert composite.GetForegroundVolumeID() == live.node.GetID()
    rig.process_events(50)
    picture = rig.grab_slice("Red").max(axis=2)
    assert (picture > 20).mean() > 0.1  # it fills the view
    node = live.node
    live.stop()
    assert not slicer.mrmlScene.IsNodePresent(node)
    after = to_array(slice_node.GetSliceToRAS()), slice_node.GetFieldOfView(), slice_node.GetXYZOrigin()
    assert all(np.allclose(a, b) for a, b in zip(before, after, strict=True))
    assert composite.GetForegroundVolumeID() == behind.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.3)


def test_a_layer_that_the_user_chose_meanwhile_stays(live, settings):
    composite = red()[1]
    live.start(stream(), settings())
    settle(live)
    chosen = volume(np.full((9, 9, 9), 90, np.uint8), name="Mine")
    composite.SetForegroundVolumeID(chosen.GetID())
    live.stop()
    assert composite.GetForegroundVolumeID() == chosen.GetID()


def test_the_last_frame_can_be_kept(live, settings):
    live.start(stream(), settings(view=""))
    settle(live)
    node = live.node
    live.stop(keeps_node=True)
    assert slicer.mrmlScene.IsNodePresent(node)
    assert node.GetSaveWithScene()
    assert node.GetDisplayNode().GetSaveWithScene()
    live.start(slicer.util.getNode("Image"), settings(view=""))
    settle(live)
    assert live.node is not node
    assert live.node.GetName() != node.GetName()


def test_the_engine_killed_is_one_sentence_and_the_live_view_starts_again(live, settings):
    source = stream()
    live.start(source, settings())
    settle(live)
    node = live.node
    os.kill(live._engine.readiness.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while live.is_on and time.monotonic() < deadline:
        push(source, frame(int(time.monotonic() * 50) % 1000))
        rig.process_events(20)
    assert len(live.ends) == 1
    assert "Live view is off" in live.ends[0]
    assert "\n" not in live.ends[0]
    assert not slicer.mrmlScene.IsNodePresent(node)
    live.start(source, settings())
    settle(live)
    assert shown(live).any()


@pytest.mark.parametrize("what", ["source", "image"])
def test_a_node_that_is_removed_ends_it(live, settings, what):
    source = stream()
    live.start(source, settings())
    settle(live)
    push(source, frame(1))
    rig.process_events()
    slicer.mrmlScene.RemoveNode(source if what == "source" else live.node)
    rig.process_events(20)
    assert not live.is_on
    assert len(live.ends) == 1
    assert "was removed" in live.ends[0]
    assert not slicer.util.getNodes("SYNTHETIC*")


def test_a_closed_scene_ends_it_without_a_word(live, settings):
    source = stream()
    live.start(source, settings())
    settle(live)
    push(source, frame(1))
    rig.process_events()
    slicer.mrmlScene.Clear(0)
    rig.process_events(200)
    assert not live.is_on
    assert live.ends == [""]
    assert not slicer.util.getNodes("SYNTHETIC*")


def test_stopped_while_the_engine_works_nothing_comes_afterwards(live, settings):
    live.start(stream(), settings())
    rig.wait_until(lambda: live._stream._job is not None, timeout=60)
    live.stop()
    rig.wait_until(lambda: not live._engine.is_busy, timeout=120)
    assert not slicer.util.getNodes("SYNTHETIC*")
    assert live.ends == []


def test_a_replayed_sequence_streams_like_any_other(live, settings):
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    times = [f"{number / 10:.1f}" for number in range(6)]
    sequences = (
        sequence(browser, "Image", {t: image_item(frame(n)) for n, t in enumerate(times)}),
        sequence(browser, "ImageToReference", {t: transform_item(pose(n, (0.5, 0.5, 1))) for n, t in enumerate(times)}),
    )
    logic = slicer.modules.sequences.logic()
    logic.UpdateProxyNodesFromSequences(browser)
    image, tracking = (browser.GetProxyNode(node) for node in sequences)
    image.SetAndObserveTransformNodeID(tracking.GetID())
    live.start(image, settings())
    settle(live)
    for number in (1, 2, 5):
        count = live.rate.came
        browser.SetSelectedItemNumber(number)
        logic.UpdateProxyNodesFromSequences(browser)
        rig.wait_until(lambda count=count: live.rate.came > count, timeout=60)
        settle(live)
        assert np.allclose(ijk_to_ras(live.node), pose(number, (0.5, 0.5, 1)), atol=1e-6)


def test_a_frame_without_a_place_is_left_out_with_a_notice_and_the_next_one_shown(live, settings):
    source, probe = stream(), transform(np.eye(4))
    source.SetAndObserveTransformNodeID(probe.GetID())
    live.start(source, settings())
    settle(live)
    probe.SetMatrixTransformToParent(vtk_matrix(np.diag([0.0, 0, 0, 1])))  # the tracker lost it
    push(source, frame(1))
    rig.wait_until(lambda: live.rate.came > 1 and idle(live), timeout=60)
    assert "flattened" in live.notice
    probe.SetMatrixTransformToParent(vtk_matrix(np.diag([30.0, 30, 1, 1])))  # and then it was nowhere
    push(source, frame(2))
    rig.wait_until(lambda: "measure" in live.notice, timeout=60)
    probe.SetMatrixTransformToParent(vtk_matrix(pose(3)))
    push(source, frame(3))
    rig.wait_until(lambda: live.rate.shown == 2, timeout=60)
    assert live.notice == ""
    assert live.ends == []


def test_frames_that_change_their_size(live, settings):
    source = stream()
    live.start(source, settings())
    settle(live)
    push(source, frame(1, (30, 64)))
    rig.wait_until(lambda: live.rate.shown == 2, timeout=60)
    assert shown(live).shape == (30, 64)
    assert ijk_to_ras(live.node)[0, 0] == pytest.approx(0.5)


def test_colour_frames_become_luminance(scene):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Colour")
    pixels = np.random.default_rng(0).integers(0, 255, (1, *SHAPE, 3)).astype(np.uint8)
    slicer.util.updateVolumeFromArray(node, pixels)
    taken = take_frame(node, 0.0).pixels
    assert taken.dtype == np.uint8
    assert np.abs(taken - pixels[0] @ [0.299, 0.587, 0.114]).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("shape", "words"), [((20, 20, 20), "3-D volume"), ((1, 20, 20, 2), "neither grey")])
def test_what_is_no_stream_is_refused(live, settings, shape, words):
    kind = "vtkMRMLVectorVolumeNode" if len(shape) == 4 else "vtkMRMLScalarVolumeNode"
    node = slicer.mrmlScene.AddNewNodeByClass(kind, "Wrong")
    slicer.util.updateVolumeFromArray(node, np.ones(shape, np.uint8))
    with pytest.raises(InputError, match=words):
        live.start(node, settings())
    assert not live.is_on


def test_a_synthetic_image_is_no_stream(live, settings):
    live.start(stream(), settings())
    settle(live)
    with pytest.raises(InputError, match="synthetic itself"):
        LiveView(live._engine).start(live.node, settings())

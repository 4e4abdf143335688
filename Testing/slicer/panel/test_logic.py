"""Apply, from nodes to nodes, with the real engine: with the starter model once, else with a tiny one."""

from __future__ import annotations

import time

import rig

rig.require()

import mmhvae
import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from mmhvae.bundle.shipped import demo_case, starter_bundle
from mmhvae.network.model import MMHVAEConfig
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine, python_command
from MMHVAESynthesisLib.engine.jobs import Failure
from MMHVAESynthesisLib.engine.steps import completed
from MMHVAESynthesisLib.logic import MMHVAESynthesisLogic
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras, ijk_to_world
from MMHVAESynthesisLib.nodes.volume_files import write_volume_steps
from MMHVAESynthesisLib.synthesis.results import Results

from ..made_nodes import fan, image_item, pose, sequence, transform, transform_item, volume

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
PATIENCE = 240.0


class Heard:
    """The callbacks of an Apply, and what they were told."""

    def __init__(self) -> None:
        self.progress: list[tuple[float, str]] = []
        self.ends: list[Results | Failure] = []

    def on_progress(self, fraction: float, message: str) -> None:
        assert self.ends == []
        self.progress.append((fraction, message))

    @property
    def results(self) -> Results:
        (end,) = self.ends
        assert isinstance(end, Results), end
        return end

    @property
    def failure(self) -> Failure:
        (end,) = self.ends
        assert isinstance(end, Failure)
        return end


@pytest.fixture(scope="module")
def engine(slicer_app, tmp_path_factory):
    """One warm engine for the tests that leave it alive, and for those that do not."""
    engine = SlicerEngine(python=python_command(), root=tmp_path_factory.mktemp("root"))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def models(tiny_bundle):
    """A folder of installed models that holds the model "tiny"."""
    return tiny_bundle(CONFIG).parent


@pytest.fixture
def logic(scene, engine, models, monkeypatch):
    monkeypatch.setenv("MMHVAE_WEIGHTS", str(models))
    logic = MMHVAESynthesisLogic(engine)
    yield logic
    logic.close()
    rig.wait_until(lambda: not logic.is_running, timeout=PATIENCE)
    for folder in engine._root.glob("mmhvae-engine-*"):
        assert list(folder.iterdir()) == []


@pytest.fixture
def parameters(logic):
    parameters = logic.getParameterNode()
    parameters.bundle, parameters.device = "tiny", "cpu"
    parameters.samples = 2
    parameters.synthesizeCet1 = parameters.synthesizeFlair = False
    return parameters


def begin(logic, parameters) -> Heard:
    heard = Heard()
    logic.apply(parameters, heard.on_progress, heard.ends.append, heard.ends.append)
    return heard


def wait(heard: Heard) -> Heard:
    rig.wait_until(lambda: heard.ends, timeout=PATIENCE)
    return heard


def until_it_works(heard: Heard) -> None:
    rig.wait_until(lambda: heard.ends or any("slice" in message for _, message in heard.progress), timeout=PATIENCE)
    assert heard.ends == []


def snapshot(scene) -> list[tuple[str, str]]:
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return sorted((node.GetID(), node.GetName()) for node in nodes)


def endless(parameters) -> None:
    """More work than any test waits for."""
    parameters.bundle = "starter"
    parameters.samples, parameters.sliceAxis = 50, "all"
    parameters.synthesizeCet1 = parameters.synthesizeFlair = True


def test_results_are_those_of_the_core_on_the_inputs_own_grid(logic, parameters, tmp_path):
    """Oblique, left-handed, under a transform: the same numbers, in the same place."""
    parameters.bundle = "starter"
    node = volume(fan(22), pose(3, (1.1, 0.9, 1.0), left_handed=True), "Before")
    node.SetAndObserveTransformNodeID(transform(pose(4)).GetID())
    parameters.us = node
    results = wait(begin(logic, parameters)).results
    completed(write_volume_steps(node, tmp_path / "us.mha"))
    expected = mmhvae.synthesize(
        mmhvae.load_bundle(starter_bundle()), {"us": sitk.ReadImage(str(tmp_path / "us.mha"))}, ["t2"], samples=2,
        device="cpu",
    )  # fmt: skip
    assert results.images.keys() == results.uncertainty.keys() == {"t2"}
    for found, wanted in [(results.images, expected.images), (results.uncertainty, expected.uncertainty)]:
        array = slicer.util.arrayFromVolume(found["t2"])
        assert array.dtype == np.float32
        assert np.allclose(array, sitk.GetArrayFromImage(wanted["t2"]), atol=1e-5)
        assert np.array_equal(ijk_to_ras(found["t2"]), ijk_to_ras(node))
        assert np.allclose(ijk_to_world(found["t2"]), ijk_to_world(node))
        assert found["t2"].GetParentTransformNode() is node.GetParentTransformNode()
    assert results.images["t2"].GetName() == "SYNTHETIC T2 of Before"
    assert results.uncertainty["t2"].GetName() == "SYNTHETIC T2 uncertainty of Before"
    assert (results.ultrasound, results.notice, results.device) == (None, "", "cpu")


def test_progress_rises_to_the_end_and_nothing_blocks(logic, parameters):
    parameters.us = volume(fan(22))
    heard = begin(logic, parameters)
    assert heard.ends == []
    assert logic.is_running
    longest = 0.0
    limit = time.monotonic() + PATIENCE
    while not heard.ends and time.monotonic() < limit:
        begun = time.process_time()  # other processes may hold this one up, too
        rig.process_events()
        longest = max(longest, time.process_time() - begun)
        time.sleep(0.002)
    assert heard.results
    fractions = [fraction for fraction, _ in heard.progress]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert 0.9 < fractions[-1] <= 1
    assert longest < 0.2
    assert not logic.is_running


def test_a_second_apply_updates_the_same_nodes(logic, parameters, scene):
    node = parameters.us = volume(fan(22))
    first = wait(begin(logic, parameters)).results
    before = slicer.util.arrayFromVolume(first.images["t2"]).copy()
    first.images["t2"].GetDisplayNode().SetWindowLevelMinMax(0.1, 0.3)
    nodes = snapshot(scene)
    parameters.seed = 7
    second = wait(begin(logic, parameters)).results
    assert second.images["t2"] is first.images["t2"]
    assert second.uncertainty["t2"] is first.uncertainty["t2"]
    assert snapshot(scene) == nodes
    assert not np.array_equal(slicer.util.arrayFromVolume(second.images["t2"]), before)
    assert first.images["t2"].GetDisplayNode().GetWindowLevelMax() == 0.3
    parameters.uncertainty = False
    third = wait(begin(logic, parameters)).results
    assert third.uncertainty == {}
    assert first.uncertainty["t2"].GetScene() is None
    assert logic.results(parameters).images == {"t2": first.images["t2"]}
    assert node.GetName() == "iUS"


def test_a_sweep_gives_its_ultrasound_too(logic, parameters):
    parameters.sweepPath = str(demo_case() / "sweep.igs.mha")
    parameters.calibration = str(demo_case() / "image-to-probe.txt")
    parameters.uncertainty = False
    results = wait(begin(logic, parameters)).results
    assert results.images["t2"].GetName() == "SYNTHETIC T2 of sweep"
    assert results.ultrasound.GetName() == "Reconstructed iUS of sweep"
    assert np.array_equal(ijk_to_ras(results.ultrasound), ijk_to_ras(results.images["t2"]))
    assert slicer.util.arrayFromVolume(results.ultrasound).max() > 100
    assert logic.results(parameters).ultrasound is results.ultrasound


def test_tracked_frames_of_the_scene_are_a_sweep(logic, parameters):
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Frames")
    frames, poses = {}, {}
    for number, plane in enumerate(fan(32).astype(np.uint8)):
        matrix = pose(5) @ [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, number], [0, 0, 0, 1]]
        frames[f"{number / 10}"], poses[f"{number / 10}"] = image_item(plane), transform_item(matrix)
    sequence(browser, "Image", frames)
    sequence(browser, "ImageToReference", poses)
    parameters.sweepBrowser = browser
    parameters.us = volume(fan(22), name="not this")
    parameters.uncertainty = False
    results = wait(begin(logic, parameters)).results
    assert results.images["t2"].GetName() == "SYNTHETIC T2 of Frames"
    assert results.ultrasound is not None
    centre = (pose(5) @ [16, 16, 16, 1])[:3]
    bounds = np.zeros(6)
    results.images["t2"].GetRASBounds(bounds)
    assert np.allclose(bounds.reshape(3, 2).mean(1), centre, atol=3)


def test_cancel_is_over_within_two_seconds_and_the_scene_as_before(logic, parameters, scene):
    parameters.us = volume(fan(22))
    endless(parameters)
    nodes = snapshot(scene)
    heard = begin(logic, parameters)
    until_it_works(heard)
    begun = time.monotonic()
    logic.cancel()
    assert wait(heard).failure == Failure("cancelled", "Cancelled.")
    assert time.monotonic() - begun < 20  # 2 s where nothing else runs
    assert snapshot(scene) == nodes


def test_cancel_at_once_starts_nothing(logic, parameters, scene):
    parameters.us = volume(fan(22))
    nodes = snapshot(scene)
    heard = begin(logic, parameters)
    logic.cancel()
    assert heard.failure.kind == "cancelled"
    rig.process_events(100)
    assert len(heard.ends) == 1
    assert snapshot(scene) == nodes


def test_one_at_a_time(logic, parameters):
    parameters.us = volume(fan(22))
    first, second = begin(logic, parameters), begin(logic, parameters)
    assert "is running" in second.failure.message
    logic.cancel()
    wait(first)


def test_a_callback_that_raises_harms_nobody(logic, parameters):
    parameters.us = volume(fan(22))
    parameters.uncertainty = False

    def raising(*_: object) -> None:
        raise ZeroDivisionError

    logic.apply(parameters, raising, raising, raising)
    rig.wait_until(lambda: not logic.is_running, timeout=PATIENCE)
    assert logic.results(parameters).images.keys() == {"t2"}


def test_what_the_engine_refuses_is_its_sentence(logic, parameters):
    parameters.us = volume(np.zeros((20, 20, 20), np.uint8))
    failure = wait(begin(logic, parameters)).failure
    assert failure.kind == "input"
    assert "zero everywhere" in failure.message


PROBLEMS = [
    ({}, "at least one image that you have"),
    ({"us": lambda: volume(fan(22)), "synthesizeT2": lambda: False}, "at least one image that you want"),
    ({"us": lambda: volume(np.ones((1, 9, 9), np.uint8))}, "single slice"),
    ({"us": lambda: volume(fan(22)), "bundle": lambda: "no such model"}, "is not installed"),
    ({"sweepPath": lambda: "/nowhere/sweep.igs.mha"}, "no sweep file /nowhere"),
    ({"us": lambda: volume(fan(22))}, ""),
    ({"flair": lambda: volume(fan(22))}, ""),
]


@pytest.mark.parametrize(("given", "words"), PROBLEMS)
def test_problems_are_known_before_apply(logic, parameters, given, words):
    for name, value in given.items():
        setattr(parameters, name, value())
    problem = logic.problem(parameters)
    assert words in problem
    assert bool(words) == bool(problem)
    if problem:
        assert begin(logic, parameters).failure == Failure("input", problem)


def test_the_grid_is_that_of_the_first_mr_without_ultrasound(logic, parameters):
    parameters.cet1 = volume(fan(26, seed=1), pose(1, (1.2, 1.0, 1.0)), "MR")
    parameters.flair = volume(fan(28, seed=2), pose(1), "Other")
    parameters.uncertainty = False
    results = wait(begin(logic, parameters)).results
    assert results.images["t2"].GetName() == "SYNTHETIC T2 of MR"
    assert results.images["t2"].GetImageData().GetDimensions() == (26, 26, 26)

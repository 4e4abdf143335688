"""The synthesis panel as a user meets it: by mouse and keyboard, with the real engine."""

from __future__ import annotations

import itertools
import os
import signal

import numpy as np
import pytest
import rig

rig.require()

import slicer
from mmhvae.bundle.shipped import demo_case
from mmhvae.network.model import MMHVAEConfig
from MMHVAESynthesisLib.engine.process import is_running

from ..made_nodes import volume

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
NAMES = {"us": "iUS", "t2": "T2", "cet1": "ceT1", "flair": "FLAIR"}
SWEEP, CALIBRATION = demo_case() / "sweep.igs.mha", demo_case() / "image-to-probe.txt"


@pytest.fixture(scope="module")
def models(tiny_bundle):
    """A folder of installed models that holds the model "tiny"."""
    return tiny_bundle(CONFIG).parent


@pytest.fixture
def panel(scene, models, monkeypatch):
    """The module's own widget, shown and entered, on an empty scene."""
    monkeypatch.setenv("MMHVAE_WEIGHTS", str(models))
    representation = rig.load_module("MMHVAESynthesis")
    representation.window().resize(1400, 950)
    rig.process_events()
    yield representation.self()
    widget = representation.self()
    widget.logic.cancel()
    rig.wait_until(lambda: not widget.logic.is_running, 10)


@pytest.fixture
def small(panel):
    """Small volumes of all four modalities on one grid, a tiny model chosen in the panel, and one target ticked."""
    panel.parameters.bundle = "tiny"
    volumes = {name: volume(ball(seed), name=f"{NAMES[name]} image") for seed, name in enumerate(NAMES)}
    for name, node in volumes.items():
        rig.choose(selector(panel, name), node.GetName())
    for name in ("Cet1", "Flair"):
        rig.click(getattr(panel.ui, f"want{name}CheckBox"))
    rig.click(panel.ui.uncertaintyCheckBox)
    return volumes


def ball(seed: int) -> np.ndarray:
    """Something in a ball, 0 around it: (18, 30, 30)."""
    axes = np.meshgrid(np.linspace(-1, 1, 18), *[np.linspace(-1, 1, 30)] * 2, indexing="ij")
    values = 60 + 40 * np.sin(5 * axes[0] + seed) * np.cos(4 * axes[2]) + 20 * axes[1]
    return np.where(np.linalg.norm(axes, axis=0) < 0.95, values, 0).astype(np.float32)


def selector(panel, name):
    return getattr(panel.ui, f"{name}Selector")


def settled(panel):
    rig.process_events()
    rig.wait_until(lambda: not panel._timer.is_on, 20, "calm, when changes are looked at")
    return panel.ui.stateLabel.text


def apply_and_wait(panel, timeout=300):
    settled(panel)
    rig.click(panel.ui.applyButton)
    assert panel.logic.is_running
    rig.wait_until(lambda: not panel.logic.is_running, timeout, "the end of the synthesis")
    settled(panel)


def synthetic_nodes():
    return [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if "SYNTHETIC" in n.GetName()]


def work_for_long(panel) -> int:
    """Begin an Apply of the starter model, many samples, and wait until it is under way; how many nodes were before."""
    panel.parameters.bundle = "starter"
    rig.click(panel.ui.advancedSection)
    rig.click(panel.ui.uncertaintyCheckBox)
    rig.type_text(panel.ui.samplesSpinBox, "50")
    rig.click(panel.ui.advancedSection)
    settled(panel)
    before = slicer.mrmlScene.GetNumberOfNodes()
    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 60, 120, "progress")
    return before


def test_the_demo_sweep_becomes_a_synthetic_t2(panel):
    """The newcomer's path: the sample, one button, and the T2 lies over the ultrasound and says what it is."""
    from MMHVAESynthesisLib.sample_data import load_demo_case

    assert len(load_demo_case()) == 6
    assert "Ready" in settled(panel)
    assert "118 frames" in panel.ui.sweepLabel.text
    for name in ("Cet1", "Flair"):
        rig.click(getattr(panel.ui, f"want{name}CheckBox"))
    rig.click(panel.ui.uncertaintyCheckBox)  # one sample, to save time; small images have their uncertainty
    apply_and_wait(panel)
    results = panel.logic.results(panel._parameters)
    assert set(results.images) == {"t2"}
    voxels = slicer.util.arrayFromVolume(results.images["t2"])
    assert voxels.shape == slicer.util.arrayFromVolume(results.ultrasound).shape
    assert np.isfinite(voxels).all()
    assert voxels.max() > 0.3
    composite = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert composite.GetForegroundVolumeID() == results.images["t2"].GetID()
    assert composite.GetBackgroundVolumeID() == results.ultrasound.GetID()
    picture = rig.grab_slice("Red")
    assert (picture.max(-1) > 40).mean() > 0.02
    assert "Done" in panel.ui.progressLabel.text


def test_any_subset_of_inputs_will_do(panel):
    nodes = {name: volume(ball(seed), name=f"{NAMES[name]} image") for seed, name in enumerate(NAMES)}
    wrong = []
    for names in [some for count in range(1, 5) for some in itertools.combinations(NAMES, count)]:
        with slicer.util.NodeModify(panel.parameters.parameterNode):
            for name, node in nodes.items():
                setattr(panel.parameters, name, node if name in names else None)
        text = settled(panel)
        warned = "must lie on the ultrasound" in text
        if not panel.ui.applyButton.isEnabled() or warned != ("us" in names and len(names) > 1):
            wrong.append((names, text))
    assert wrong == []


@pytest.mark.parametrize("used", [("t2", "flair"), ("us", "t2", "cet1", "flair")], ids="+".join)
def test_subsets_run_and_running_again_updates_the_same_nodes(panel, small, used):
    for name in NAMES:
        if name not in used:
            rig.choose(selector(panel, name), "none")
    apply_and_wait(panel)
    first = synthetic_nodes()
    assert [node.GetName() for node in first] == [f"SYNTHETIC T2 of {NAMES[used[0]]} image"]
    before = slicer.util.arrayFromVolume(first[0]).copy()
    rig.click(panel.ui.advancedSection)
    rig.type_text(panel.ui.seedSpinBox, "7")
    rig.click(panel.ui.advancedSection)
    apply_and_wait(panel)
    assert synthetic_nodes() == first
    assert not np.array_equal(slicer.util.arrayFromVolume(first[0]), before)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda panel: [rig.choose(selector(panel, name), "none") for name in NAMES],
            "at least one image that you have",
        ),
        (lambda panel: rig.click(panel.ui.wantT2CheckBox), "at least one image that you want"),
    ],
    ids=["nothing there", "nothing wanted"],
)
def test_apply_says_why_it_cannot_work(panel, small, change, why):
    change(panel)
    assert why in settled(panel)
    assert not panel.ui.applyButton.isEnabled()
    assert why in panel.ui.applyButton.toolTip


def test_the_ultrasound_is_guessed_alone_and_a_choice_is_kept(panel):
    volume(ball(0), name="MR_T2_SPACE")
    sweep = volume(ball(1), name="iUS before resection")
    panel.enter()
    settled(panel)
    assert panel.ui.usSelector.currentNode() is sweep
    assert panel.ui.t2Selector.currentNode() is None
    rig.choose(panel.ui.usSelector, "none")
    rig.choose(panel.ui.t2Selector, "MR_T2_SPACE")
    panel.exit()
    panel.enter()
    assert panel.ui.usSelector.currentNode() is None
    assert panel.ui.t2Selector.currentNode().GetName() == "MR_T2_SPACE"


def test_cancel_in_the_middle_leaves_the_scene_as_it_was(panel, small):
    before = work_for_long(panel)
    rig.click(panel.ui.cancelButton)
    rig.wait_until(lambda: not panel.logic.is_running, 20)  # 2 s where nothing else runs
    rig.process_events(100)
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert panel.ui.progressLabel.text == "Cancelled."
    assert panel.ui.applyButton.isEnabled()
    assert "Ready" in panel.ui.stateLabel.text


def test_a_killed_engine_is_one_message_and_the_next_apply_works(panel, small):
    work_for_long(panel)
    pid = panel.logic.engine.readiness.pid
    os.kill(pid, signal.SIGKILL)
    rig.wait_until(lambda: not panel.logic.is_running, 20)
    assert not is_running(pid)
    assert settled(panel).count("stopped unexpectedly") == 1
    assert rig.messages == []
    assert synthetic_nodes() == []
    rig.click(panel.ui.uncertaintyCheckBox)
    apply_and_wait(panel)
    assert len(synthetic_nodes()) == 1
    assert "stopped unexpectedly" not in panel.ui.stateLabel.text


@pytest.mark.parametrize("event", ["input removed", "scene closed"])
def test_what_goes_away_while_working_ends_the_work(panel, small, event):
    work_for_long(panel)
    if event == "input removed":
        slicer.mrmlScene.RemoveNode(small["us"])
    else:
        slicer.mrmlScene.Clear(0)
    rig.wait_until(lambda: not panel.logic.is_running, 20)
    assert ("was removed" in settled(panel)) == (event == "input removed")
    assert synthetic_nodes() == []


def test_settings_and_results_survive_saving_and_loading_the_scene(panel, small, tmp_path):
    rig.click(panel.ui.advancedSection)
    rig.type_text(panel.ui.seedSpinBox, "42")
    rig.click(panel.ui.advancedSection)
    apply_and_wait(panel)
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    rig.process_events(100)
    assert panel.ui.usSelector.currentNode() is None
    slicer.util.loadScene(file)
    assert "Ready" in settled(panel)
    assert panel.ui.seedSpinBox.value == 42
    assert panel.ui.usSelector.currentNode().GetName() == "iUS image"
    assert not panel.ui.wantFlairCheckBox.isChecked()
    assert set(panel.logic.results(panel._parameters).images) == {"t2"}
    assert panel.ui.showT2Button.isEnabled()


def test_results_of_a_changed_input_are_marked(panel, small):
    apply_and_wait(panel)
    assert "Out of date" not in panel.ui.stateLabel.text
    voxels = slicer.util.arrayFromVolume(small["us"])
    voxels[:] = voxels[::-1].copy()
    slicer.util.arrayFromVolumeModified(small["us"])
    rig.wait_until(lambda: "Out of date: The iUS has changed" in panel.ui.stateLabel.text, 10)


def test_the_main_thread_is_never_held_up(panel, small):
    """No turn of the event loop takes 200 ms of this thread's own time while the engine works."""
    settled(panel)
    with rig.event_loop_turns() as turns:
        rig.click(panel.ui.applyButton)
        rig.wait_until(lambda: not panel.logic.is_running, 300)
    assert len(turns) > 20
    assert max(turns) < 0.2

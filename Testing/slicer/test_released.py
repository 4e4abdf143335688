"""What is done is released: of runs that were done, refused, cancelled or killed, nothing stays in memory.

The rig's signals hold their receivers as PythonQt's do, out of the garbage collector's sight.
"""

from __future__ import annotations

import gc
from collections import Counter

import numpy as np
import pytest
import rig

rig.require()

import slicer
import vtk
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine

from .made_nodes import volume
from .scripted_process import DIES, DONE, REFUSED, SILENT, ScriptedProcess

#: What belongs to one piece of work, and must not outlive it.
WORK = {
    "SynthesisRun", "RegistrationRun", "HeldSynthesis", "OverlayRun", "Steps", "Job", "FileImage", "ReadResults",
    "Held", "Results", "Case", "Region", "Request", "Callbacks", "LiveStream", "QtProcess", "Session",
}  # fmt: skip
SIDE = 48
#: How each run of a round ends; "writing" is cancelled before the engine has heard of it.
ENDINGS = [DONE, REFUSED, "cancelled", "writing", DIES, DONE, "cancelled", DONE, "writing"]


@pytest.fixture
def engine(tmp_path):
    engine = SlicerEngine(new_process=ScriptedProcess, root=tmp_path)
    yield engine
    engine.close(0)


@pytest.fixture(params=["MMHVAESynthesis", "MMHVAERegistration"])
def opened(request, scene, engine, monkeypatch):
    """A module's panel, working with the scripted engine."""
    panel = rig.load_module(request.param).self()
    monkeypatch.setattr(panel.logic, "engine", engine)
    return panel


def alive() -> Counter[str]:
    """How many objects there are of each class of work; the collector sees also those that only C++ holds."""
    rig.process_events(20)
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects() if type(thing).__name__ in WORK)


class Voxels:
    """The voxels of volume nodes: how many are held by somebody."""

    def __init__(self) -> None:
        self.held = 0

    def watch(self, node: object) -> None:
        self.held += 1
        node.GetImageData().AddObserver(vtk.vtkCommand.DeleteEvent, self._gone)

    def _gone(self, *_: object) -> None:
        self.held -= 1


def new_inputs() -> list[object]:
    """An ultrasound and an MR in the scene."""
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 3, indexing="ij", sparse=True)
    inside = sum(axis**2 for axis in axes) < 0.8
    voxels = np.where(inside, rng.integers(1, 255, inside.shape), 0).astype(np.float32)
    return [volume(voxels, name=name) for name in ("iUS", "MR T2")]


def run_once(panel, ultrasound, mr, ending: str) -> None:
    parameters, is_synthesis = panel._parameters, hasattr(panel.ui, "applyButton")
    parameters.us, parameters.samples = ultrasound, 2
    if is_synthesis:
        parameters.synthesizeCet1 = parameters.synthesizeFlair = False
    else:
        parameters.t2 = mr
    ScriptedProcess.plan = SILENT if ending == "cancelled" else ending
    rig.wait_until(lambda: not panel._timer.is_on, 20)
    rig.click(panel.ui.applyButton if is_synthesis else panel.ui.registerButton)
    assert panel.logic.is_running
    if ending == "cancelled":
        rig.wait_until(lambda: panel.ui.progressBar.value > 250, 20)
    if ending in ("cancelled", "writing"):
        panel.logic.cancel()
    rig.wait_until(lambda: not panel.logic.is_running, 20)


def remove_volumes(voxels: Voxels) -> None:
    """Inputs and results."""
    for node in slicer.util.getNodesByClass("vtkMRMLVolumeNode"):
        if node.GetImageData() is not None:
            voxels.watch(node)
        slicer.mrmlScene.RemoveNode(node)


def test_nothing_of_a_run_outlives_it(opened):
    """Runs that end in every way, with images of their own, then the scene is closed: no run and no image is left."""
    before, voxels = alive(), Voxels()
    for ending in ENDINGS:
        run_once(opened, *new_inputs(), ending)
        remove_volumes(voxels)
    shown_last = voxels.held
    slicer.mrmlScene.Clear(0)
    opened.logic.engine.close(0)
    assert alive() - before == Counter()
    assert voxels.held <= min(shown_last, 4)  # a view's own pipeline keeps what it has shown last

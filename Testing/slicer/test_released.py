"""What is done is released: of runs that were done, refused, cancelled or killed, nothing stays in memory.

The rig's signals hold their receivers as PythonQt's do, out of the garbage collector's sight.
"""

from __future__ import annotations

import gc
import resource
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rig

rig.require()

import slicer
import vtk
from mmhvae.compute import give_back
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine
from MMHVAESynthesisLib.nodes import remove_shown
from MMHVAESynthesisLib.synthesis import find_results

from .made_nodes import volume
from .scripted_process import DIES, DONE, REFUSED, SILENT, ScriptedProcess

#: What belongs to one piece of work, and must not outlive it.
WORK = {
    "SynthesisRun", "RegistrationRun", "HeldSynthesis", "OverlayRun", "Steps", "Job", "FileImage", "ReadResults",
    "Held", "Results", "Case", "Region", "Request", "Callbacks", "LiveStream", "QtProcess", "Session",
}  # fmt: skip
#: Voxels a side: inputs and results of the runs are 55 MB together.
SIDE = 64
#: Megabytes of three images: by as much memory must not grow from the first half of the runs to the second.
ROOM = 3 * 4 * SIDE**3 / 1e6
MODULES = ["MMHVAESynthesis", "MMHVAERegistration"]
#: How runs end, with what the panel says then; "writing" is cancelled before the engine has heard of it.
SAID = {DONE: "Ready", "cancelled": "Ready", REFUSED: "No.", "writing": "Ready", DIES: "stopped unexpectedly"}
#: Twenty: every ending in both modules, twice.
RUNS = [(module, ending) for ending in SAID for module in range(len(MODULES))] * 2


@pytest.fixture
def engine(tmp_path):
    engine = SlicerEngine(new_process=ScriptedProcess, root=tmp_path)
    yield engine
    engine.close(0)


@pytest.fixture
def panels(scene, engine, monkeypatch):
    """Both modules' panels, working with the same scripted engine."""
    panels = [rig.load_module(name).self() for name in MODULES]
    for panel in panels:
        monkeypatch.setattr(panel.logic, "engine", engine)
    return panels


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
    made = (
        find_results(panel.logic.case(parameters).ultrasound) if not is_synthesis else panel.logic.results(parameters)
    )
    assert set(made.images) == ({"t2"} if ending == DONE else set())
    assert SAID[ending] in panel.ui.stateLabel.text


def remove_volumes(voxels: Voxels) -> None:
    """Inputs and results, as a user deletes them: with their display nodes, which hold the voxels, too."""
    for node in slicer.util.getNodesByClass("vtkMRMLVolumeNode"):
        if node.GetImageData() is not None:
            voxels.watch(node)
        remove_shown(node)


def resident() -> float:
    """Megabytes of this process that are in memory, without those that are free in it."""
    gc.collect()
    give_back()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def test_nothing_of_a_run_outlives_it(panels):
    """Runs that end in every way, by turns in both modules, with images of their own; then the scene is closed."""
    before, voxels, megabytes = alive(), Voxels(), []
    for module, ending in RUNS:
        rig.load_module(MODULES[module])
        run_once(panels[module], *new_inputs(), ending)
        remove_volumes(voxels)
        megabytes.append(resident())
    shown_last = voxels.held
    slicer.mrmlScene.Clear(0)
    panels[0].logic.engine.close(0)
    assert alive() - before == Counter()
    assert voxels.held <= min(shown_last, 4)  # a view's own pipeline keeps what it has shown last
    half = len(RUNS) // 2
    assert max(megabytes[half:]) - max(megabytes[:half]) < ROOM

"""Developers reload the module: the panel is made anew, and nothing of the old one is left to be called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import rig

rig.require()

SCRIPT = """
import gc, sys
sys.path[:0] = {paths}
import rig
rig.start()
import slicer
for name in ("MMHVAESynthesis", "MMHVAERegistration"):
    representation = rig.load_module(name)
    old = representation.self()
    for value in (7, 9):
        representation.self().onReload()
        rig.process_events(100)
        gc.collect()  # takes apart what only an observer of the old panel holds
        representation.self()._parameters.samples = value
        rig.process_events(200)
        assert representation.self().ui.samplesSpinBox.value == value
    assert representation.self() is not old
    assert vars(sys.modules[name + "Lib.widget"])[name + "Widget"] is type(representation.self())
    slicer.mrmlScene.Clear()
    rig.process_events(100)
    assert slicer.app.errors == [], slicer.app.errors
print("reloaded")
"""


def test_reloading_each_module_twice():
    """In a process of its own, since a reload replaces the modules that other tests have imported."""
    root = Path(__file__).resolve().parents[2]
    paths = [str(root / name) for name in ("Testing/rig", "MMHVAESynthesis", "MMHVAERegistration")]
    command = [sys.executable, "-c", SCRIPT.format(paths=paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1:] == ["reloaded"], done.stdout + done.stderr

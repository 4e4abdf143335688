"""``SLICER_PY``: the rig with Slicer's own Python files, which name every widget that a parameter can have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rig

rig.require()

import ctk
import qt
import slicer

RIG = Path(rig.__file__).resolve().parents[1]
#: What Slicer's parameterNodeWrapper (5.8 to 5.13) looks up while it is imported or compares widgets.
NAMED = {
    qt: (
        "QWidget QCheckBox QPushButton QSlider QSpinBox QDoubleSpinBox QComboBox QLineEdit QTextEdit QFormLayout "
        "QVBoxLayout QLabel"
    ),
    ctk: "ctkSliderWidget ctkRangeWidget ctkDoubleRangeSlider ctkPathLineEdit ctkDirectoryButton ctkCollapsibleButton",
    slicer: "qMRMLNodeComboBox qSlicerWidget",
}
PROBE = """
import sys
sys.path.insert(0, {rig!r})
import rig
rig.start()
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper
from slicer import i18n, ScriptedLoadableModule
print(*(module.__file__ for module in (sys.modules["slicer.parameterNodeWrapper"], i18n, ScriptedLoadableModule)))
"""


def test_every_widget_that_slicers_own_files_name_can_be_made(scene):
    for module, names in NAMED.items():
        for name in names.split():
            getattr(module, name)().deleteLater()


def test_a_range_slider_tells_both_of_its_values(scene):
    slider, told = ctk.ctkDoubleRangeSlider(), []
    slider.connect("valuesChanged(double,double)", lambda low, high: told.append((low, high)))
    slider.setRange(-5, 5)
    slider.setValues(-2, 3)
    assert told[-1] == (slider.minimumValue, slider.maximumValue) == (-2, 3)
    with pytest.raises(AttributeError):  # it shows no digits
        slider.decimals = 1


def test_a_folder_takes_the_place_of_the_stand_ins(tmp_path):
    folder = Path(shutil.copytree(RIG / "rig" / "slicer_python", tmp_path / "slicer"))
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(rig=str(RIG))], capture_output=True, text=True, timeout=120,
        env={**os.environ, "SLICER_PY": str(folder)},
    )  # fmt: skip
    files = [Path(path) for path in done.stdout.split()]
    assert len(files) == 3, done.stderr
    assert all(path.is_relative_to(folder) for path in files)

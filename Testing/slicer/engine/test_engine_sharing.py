"""One engine for the application, polled while there is something to hear."""

from __future__ import annotations

import sys

import rig

rig.require()

import pytest
import slicer
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine, python_command, shared_engine
from MMHVAESynthesisLib.engine.jobs import Callbacks, ignore
from MMHVAESynthesisLib.engine.process import is_running

from .users import echoing


@pytest.fixture(scope="module")
def warm_engine(slicer_app, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    engine = SlicerEngine(python=echoing(folder), root=folder)
    yield engine
    engine.close()


@pytest.fixture
def engine(scene, warm_engine):
    """One for the tests that do not care whether it has been started already."""
    return warm_engine


def test_it_is_polled_from_its_start_to_its_last_answer_and_no_longer(engine):
    assert not engine._timer.is_on
    heard: list[object] = []
    engine.submit(engine.job(), "self_test", {"device": "cpu"}, Callbacks(heard.append, heard.append))
    assert engine._timer.is_on
    rig.wait_until(lambda: heard, timeout=120)
    assert heard[0]["device"] == "cpu"
    rig.wait_until(lambda: not engine._timer.is_on)
    assert not engine.is_busy


def test_starting_it_early_finds_it_ready_and_it_ends_as_the_application_quits(scene, tmp_path):
    engine = SlicerEngine(python=echoing(tmp_path), root=tmp_path)
    engine.start()
    rig.wait_until(lambda: engine.readiness is not None, timeout=120)
    rig.wait_until(lambda: not engine._timer.is_on)
    pid = engine.readiness.pid
    slicer.app.aboutToQuit.emit()
    assert engine.readiness is None
    assert not is_running(pid)
    engine.start()  # by whoever had it from before, as a panel's logic has
    assert engine.is_busy
    slicer.app.aboutToQuit.emit()
    assert not engine.is_busy


def test_a_listener_that_raises_stops_nobody_else(engine, caplog):
    def raising(result: object) -> None:
        raise ZeroDivisionError

    heard: list[object] = []
    engine.submit(engine.job(), "self_test", {"device": "cpu"}, Callbacks(raising, raising))
    engine.submit(engine.job(), "self_test", {"device": "cpu"}, Callbacks(heard.append, heard.append))
    rig.wait_until(lambda: heard, timeout=120)
    rig.wait_until(lambda: not engine._timer.is_on)


@pytest.mark.parametrize(
    "end", [lambda engine: slicer.app.aboutToQuit.emit(), SlicerEngine.close], ids=["quit", "close"]
)
def test_there_is_one_for_all_whatever_ends_it_and_its_files_go_each_time(scene, end):
    """Both modules' panels keep it from their start on: one that was closed has no successor."""
    engine = shared_engine()
    for _again in range(2):
        folder = engine.job().folder
        end(engine)
        assert not folder.exists()
        assert shared_engine() is engine


def test_what_is_asked_for_while_it_ends_leaves_no_files(scene):
    """A panel that hears of the end shows itself anew, and may ask at once for the next."""
    engine, folders = shared_engine(), []
    engine.submit(engine.job(), "self_test", {}, Callbacks(ignore, lambda failure: folders.append(engine.job().folder)))
    slicer.app.aboutToQuit.emit()
    assert [folder.exists() for folder in folders] == [False]
    assert not engine.is_busy


def test_python_is_slicers_launcher_where_there_is_one(slicer_app, tmp_path, monkeypatch):
    assert python_command() == (sys.executable,)
    name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_command() == (str(tmp_path / name),)

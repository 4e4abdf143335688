"""The script for the desktop application: it tries everything, tells what happened, and passes only where all did."""

# ruff: noqa: PT009 - in Slicer tests are unittest's

from __future__ import annotations

import importlib.util
import json
import sys
import types
import unittest
from pathlib import Path

import pytest
import rig

rig.require()

import slicer

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(scene):
    spec = importlib.util.spec_from_file_location("slicer_desktop", REPOSITORY / "Testing" / "slicer_desktop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def modules(script, monkeypatch):
    """``modules(**outcomes)``: modules whose self-test does that, in the place of ours; their panels are ours."""

    def make(**outcomes) -> None:
        for name, outcome in outcomes.items():
            case = type(f"{name}Test", (unittest.TestCase,), {"test_it": outcome})
            monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**{f"{name}Test": case}))
        monkeypatch.setattr(script, "MODULES", tuple(outcomes))
        monkeypatch.setattr(script, "SETTLE", 0)
        monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)

    return make


def passes(self) -> None:
    self.assertEqual(1, 1)


def skips(self) -> None:
    self.skipTest("PyTorch is missing")


def fails(self) -> None:
    self.assertEqual(1, 2)


@pytest.mark.parametrize(
    ("second", "state", "status"), [(passes, "passed", 0), (skips, "skipped", 1), (fails, "failed", 1)]
)
def test_it_passes_only_where_every_test_has_passed(script, modules, tmp_path, second, state, status):
    modules(One=passes, Two=second)
    assert script.main(["--output", str(tmp_path / "report")]) == status
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [test["state"] for test in report["tests"]] == ["passed", state]
    assert report["passed"] is (status == 0)
    assert report["problems"] == []
    assert all((tmp_path / "report" / name).stat().st_size > 1000 for name in report["pictures"])
    text = (tmp_path / "report" / "report.md").read_text()
    assert ("Everything passed." in text) is (status == 0)
    assert {"skipped": "PyTorch is missing", "failed": "1 != 2", "passed": "| passed |"}[state] in text
    assert "- missing packages: none" in text


def test_what_goes_wrong_with_one_module_is_noted_and_the_other_is_tried(script, modules, tmp_path, monkeypatch):
    modules(One=passes, Two=passes)
    monkeypatch.setitem(sys.modules, "One", types.SimpleNamespace())  # it has no self-test
    assert script.main(["--output", str(tmp_path)]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert [problem["what"] for problem in report["problems"]] == ["self-test of One"]
    assert [test["state"] for test in report["tests"]] == ["passed"]
    assert "AttributeError" in (tmp_path / "report.md").read_text()


def test_it_tries_the_modules_of_this_extension(script):
    assert {folder.name for folder in REPOSITORY.glob("MMHVAE*") if folder.is_dir()} == set(script.MODULES)

"""Check setup: what it finds with the real engine, with one that cannot start, and in the panel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest
import rig

rig.require()

import qt
import torch
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.bundle.store import WeightsStore
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine
from MMHVAESynthesisLib.engine.process import is_running
from MMHVAESynthesisLib.engine.qt_process import QtProcess
from MMHVAESynthesisLib.setup import package_installer, setup_check, setup_panel
from MMHVAESynthesisLib.setup.package_run import PackageRun
from MMHVAESynthesisLib.setup.setup_check import Finding, SetupCheck, package_findings
from MMHVAESynthesisLib.setup.setup_panel import SetupPanel
from MMHVAESynthesisLib.setup.wheel_list import read_wheel_list

from .tiny_wheels import make_list, make_wheel

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
PATIENCE = 180.0


@pytest.fixture
def store(tmp_path) -> WeightsStore:
    """A store with one model beside the starter."""
    store = WeightsStore(tmp_path / "weights")
    torch.manual_seed(0)
    bundle = Bundle(MMHVAE(TINY).eval(), Manifest("Tiny model", TINY, 1.0, "MIT", "tests"), "card")
    save_bundle(bundle, store.folder / "tiny")
    return store


@pytest.fixture(scope="module")
def warm_engine(slicer_app) -> Iterator[SlicerEngine]:
    """A real engine; from its first use on it runs."""
    engine = SlicerEngine(python=(sys.executable,))
    yield engine
    engine.close()


@pytest.fixture
def engine(scene, warm_engine) -> SlicerEngine:
    """The real engine, and an empty scene."""
    return warm_engine


def checked(engine: SlicerEngine, store: WeightsStore) -> list[Finding]:
    check = SetupCheck(engine, store, lambda: None)
    check.start()
    rig.wait_until(lambda: not check.is_running, PATIENCE, "the end of the check")
    assert check.is_fine == all(finding.is_fine for finding in check.findings)
    for finding in check.findings:
        assert finding.text.endswith(".")
    return check.findings


def test_all_is_well_here(engine, store):
    findings = checked(engine, store)
    assert [finding.text for finding in findings if not finding.is_fine] == []
    text = "\n".join(finding.text for finding in findings)
    # As installed: torch itself may add how it was built, such as 2.13.0+cu130.
    for expected in (f"torch {version('torch')}", "safetensors", "numpy", "SimpleITK", "CPU", "Tiny model"):
        assert expected in text


def test_a_damaged_model(engine, store):
    weights = store.path("tiny") / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    wrong = [finding for finding in checked(engine, store) if not finding.is_fine]
    assert [finding.repair for finding in wrong] == ["weights"]
    assert "checksum" in wrong[0].text


@pytest.mark.parametrize("kind", ["no torch", "no interpreter"])
def test_an_engine_that_cannot_start(scene, store, bare_python, kind):
    engine = SlicerEngine(python=(str(bare_python),) if kind == "no torch" else ("/nowhere/python",))
    try:
        wrong = [finding for finding in checked(engine, store) if not finding.is_fine]
    finally:
        engine.close()
    assert [finding.repair for finding in wrong] == ["torch"]  # nothing else was tried


@pytest.fixture
def package(tmp_path, monkeypatch):
    """``package(name, version)``: an importable package with metadata; without a version only a folder."""

    def make(name: str, version: str | None) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('nobody may import this here')")
        if version is not None:
            info = tmp_path / f"{name}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    return make


@pytest.mark.parametrize(
    ("version", "oldest", "fine"),
    [
        ("2.13.0+cpu", "2.5", True),
        ("2.5", "2.5", True),
        ("2.5.0", "2.5", True),
        ("2.4.9", "2.5", False),
        ("10.0", "9.1", True),
        ("0.4.0rc1", "0.5", False),
        ("unknown", "0.1", False),
        (None, "0.1", False),
    ],
)
def test_versions_without_importing(package, monkeypatch, version, oldest, fine):
    package("tiny_package", version)
    monkeypatch.setattr(setup_check, "INSTALLED_BY_US", {"tiny_package": oldest})
    first = next(package_findings())
    assert first.is_fine is fine
    assert first.repair == ("" if fine else "safetensors")
    assert "tiny_package" in first.text


def test_a_package_that_is_not_there(monkeypatch, scene, store):
    engine = SlicerEngine(python=(sys.executable,))
    monkeypatch.setattr(setup_check, "INSTALLED_BY_US", {"torch": "2.5", "tiny_absent": "1.0"})
    findings = checked(engine, store)
    assert [finding.repair for finding in findings if not finding.is_fine] == ["safetensors", ""]
    assert "not installed" in findings[1].text
    assert engine.readiness is None  # it was not even started


def test_slicers_own_packages(monkeypatch):
    monkeypatch.setattr(setup_check, "PART_OF_SLICER", {"numpy": "99.0", "tiny_absent": "1.0"})
    numpy, absent = list(package_findings())[-2:]
    assert (numpy.is_fine, numpy.repair) == (False, "")
    assert "install Slicer again" in absent.text


# The panel


@pytest.fixture
def setup(engine, store, bare_python, tmp_path, monkeypatch) -> Iterator[SetupPanel]:
    """The panel, shown; it installs a tiny package into an interpreter of its own."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheels = read_wheel_list(make_list(tmp_path / "list.txt", [make_wheel(folder, "tiny_a")]))
    monkeypatch.setattr(setup_panel, "INSTALLED_BY_US", {"tiny_a": "1.0"})
    monkeypatch.setattr(setup_panel, "requirement", lambda name: f"{name}>=1.0")
    panel = SetupPanel(engine, store, lambda: PackageRun((str(bare_python),), QtProcess), wheels)
    panel.widget.resize(380, 500)
    panel.widget.show()
    yield panel
    panel.close()
    panel.widget.close()


def test_the_panel_checks(setup):
    assert "Nothing was looked at yet" in rig.shown_text(setup.widget)
    assert setup.check_button.text == "Check this computer"
    rig.click(setup.check_button)
    rig.wait_until(lambda: "All is well" in setup.label.text, PATIENCE)
    assert not setup.network_button.isEnabled()
    assert setup.check_button.isEnabled()
    assert setup.check_button.text == "Check again"


def test_the_panel_installs_what_is_missing(setup, monkeypatch):
    monkeypatch.setattr(setup_check, "INSTALLED_BY_US", {"safetensors": "99.0"})
    monkeypatch.setattr(package_installer, "missing_packages", lambda: ["safetensors"])
    rig.click(setup.check_button)
    rig.wait_until(setup.network_button.isEnabled, PATIENCE)
    monkeypatch.setattr(setup_check, "INSTALLED_BY_US", {"safetensors": "0.4"})
    rig.click(setup.network_button)
    assert rig.pip_requests[0][0] == "safetensors>=0.4"
    assert setup.work.label.text == "The packages were installed."
    assert setup._check.is_running  # with a new engine, by which it is found


def test_the_panel_installs_from_wheels(setup, tmp_path, bare_python, monkeypatch):
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "wheels"))
    rig.click(setup.wheels_button)
    rig.wait_until(lambda: not setup.work.bar.isVisible(), PATIENCE)
    assert "The packages were installed." in rig.shown_text(setup.widget)
    done = subprocess.run(
        [bare_python, "-c", "import tiny_a; print(tiny_a.__version__)"], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"1.0"
    assert setup._check.is_running  # with a new engine, by which it is found


def test_the_panel_tells_what_is_missing(setup, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(empty))
    rig.click(setup.wheels_button)
    rig.wait_until(lambda: not setup.work.bar.isVisible(), PATIENCE)
    assert "lacks tiny_a" in rig.shown_text(setup.widget)


def test_the_panel_cancels_although_a_launcher_stands_between(engine, store, bare_python, tmp_path, monkeypatch):
    folder, launcher, log = tmp_path / "wheels", tmp_path / "launcher", tmp_path / "pid"
    folder.mkdir()
    wheels = [make_wheel(folder, f"tiny_{letter}") for letter in "xyz"]
    launcher.write_text(
        f'#!/bin/sh\n"{bare_python}" "$@" &\necho $! > {log}\nwait\n'
    )  # which does not pass its input on
    launcher.chmod(0o755)
    wanted = read_wheel_list(make_list(tmp_path / "list.txt", wheels))
    panel = SetupPanel(engine, store, lambda: PackageRun((str(launcher),), QtProcess), wanted)
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    panel.widget.show()
    rig.click(panel.wheels_button)
    rig.wait_until(lambda: "asking pip" in panel.work.label.text, PATIENCE)
    rig.click(panel.work.cancel_button)
    assert panel.work.label.text == "Cancelled."
    rig.wait_until(lambda: not is_running(int(log.read_text())), PATIENCE, "the end of the installer")
    done = subprocess.run([bare_python, "-c", "import tiny_x"], capture_output=True, check=False)
    assert b"ModuleNotFoundError" in done.stderr
    panel.close()
    panel.widget.close()


def test_a_choice_of_nothing_does_nothing(setup, monkeypatch):
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    rig.click(setup.wheels_button)
    rig.click(setup.save_button)
    assert not setup.work.bar.isVisible()
    assert setup.work.label.text == ""


def test_the_list_is_shown_and_saved(setup, tmp_path, monkeypatch):
    rig.click(setup.list_button)
    (message,) = rig.messages
    assert "python -m pip download" in message.text
    target = tmp_path / "saved.txt"
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    rig.click(setup.save_button)
    assert target.read_text() == (tmp_path / "list.txt").read_text()
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(tmp_path / "nowhere" / "list.txt"))
    rig.click(setup.save_button)
    assert "cannot be written" in setup.work.label.text


def test_without_a_list(engine, store, monkeypatch):
    monkeypatch.setattr(setup_panel, "list_for_this_computer", lambda: None)
    panel = SetupPanel(engine, store)
    assert not panel.wheels_button.isEnabled()
    assert "no list" in panel.wheels_button.toolTip
    panel.close()

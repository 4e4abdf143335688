"""torch by the PyTorch extension, whose code differs between its versions, and the rest by Slicer's installer."""

from __future__ import annotations

import subprocess
import sys
import types
from importlib.metadata import version
from pathlib import Path

import pytest
import rig

rig.require()

import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.engine import Failure
from MMHVAESynthesisLib.setup import network_install, package_installer
from MMHVAESynthesisLib.setup.network_install import import_problem, install_from_network, network_problem
from MMHVAESynthesisLib.setup.package_installer import PackageInstaller, question, size_text
from MMHVAESynthesisLib.setup.pip_progress import PipProgress


class Installs:
    """As the extension is now: it imports what it has installed."""

    def installTorch(  # noqa: N802
        self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None,
        torchvisionVersionRequirement=None,
    ):  # fmt: skip
        assert (askConfirmation, torchVersionRequirement) == (False, ">=2.5")
        print("Downloading torch-2.13.0-cp312.whl (526.6 MB)\nSuccessfully installed", "torch")
        import torch

        return torch


class Changed:
    """Other arguments, nothing returned."""

    def installTorch(self, ask=True):  # noqa: N802
        """pip has run."""


class Fails:
    """pip failed, and what looks into the installation fails, too."""

    def installTorch(self, askConfirmation=False):  # noqa: N802
        raise RuntimeError("no network")

    def torchInstalled(self):  # noqa: N802
        raise TypeError("'NoneType' object is not iterable")


class NeedsAnother:
    """Its own installer is not there."""

    def installTorch(self):  # noqa: N802
        import light_the_torch_that_is_not_there  # noqa: F401


class Empty:
    """Some day."""


@pytest.mark.parametrize(
    ("logic", "words"),
    [
        (Installs, ""), (Changed, ""), (Fails, "no network"), (NeedsAnother, "light_the_torch"), (Empty, "newest"),
        (None, "newest"),
    ],
)  # fmt: skip
def test_torch_by_the_extension_never_enters_this_process(monkeypatch, logic, words):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", logic and types.SimpleNamespace(PyTorchUtilsLogic=logic))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    lines = []
    if words:
        with pytest.raises(InputError, match=words):
            install_from_network("torch", lines.append)
    else:
        install_from_network("torch", lines.append)  # and a process of its own could import it
    assert "torch" not in sys.modules
    if logic is Installs:
        assert lines == ["Downloading torch-2.13.0-cp312.whl (526.6 MB)", "Successfully installed torch"]


def test_without_the_extension_nobody_is_asked(monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    assert "extension PyTorch is missing" in network_problem(["torch", "safetensors"])
    assert network_problem(["safetensors"]) == ""
    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace())
    assert network_problem(["torch"]) == ""


@pytest.mark.parametrize("newer", [True, False])
def test_safetensors_by_slicers_installer_held_to_what_is_there(monkeypatch, newer):
    asked = []

    def pip_ensure(requirements, constraints=None, prompt_install=True, requester=None):
        assert (prompt_install, requester) == (False, "MMHVAE")
        asked.append((requirements, Path(constraints).read_text()))

    def pip_install(requirements):
        *requirements, option, constraints = requirements
        assert option == "--constraint"
        asked.append((requirements, Path(constraints).read_text()))

    monkeypatch.setattr(slicer.util, "pip_install", pip_install)
    if newer:
        monkeypatch.setitem(sys.modules, "slicer.packaging", types.SimpleNamespace(pip_ensure=pip_ensure))
    install_from_network("safetensors", lambda line: None)
    ((requirements, held),) = asked
    assert requirements == ["safetensors>=0.4"]
    assert f"setuptools=={version('setuptools')}\n" in held
    assert "safetensors" not in held


def test_what_was_not_installed_after_all(monkeypatch):
    monkeypatch.setattr(network_install, "version_of", lambda name: None)
    with pytest.raises(InputError, match=r"safetensors was not installed\."):
        install_from_network("safetensors", lambda line: None)


def test_what_cannot_be_imported_is_told_by_its_last_line(bare_python):
    assert import_problem("json", (str(bare_python),)) == ""
    assert import_problem("torch", (str(bare_python),)) == "ModuleNotFoundError: No module named 'torch'"
    assert "nowhere" in import_problem("json", ("/nowhere/python",))


# How far it is


def test_progress_by_the_lines_of_the_real_pip(bare_python, tmp_path):
    from .tiny_wheels import make_wheel

    wheels = [make_wheel(tmp_path, "tiny_a"), make_wheel(tmp_path, "tiny_b", needs="tiny_a")]
    command = [bare_python, "-m", "pip", "install", "--no-index", "--find-links", tmp_path, "--target"]
    done = subprocess.run([*command, tmp_path / "t", *wheels], capture_output=True, text=True, check=True)
    told = []
    progress = PipProgress(1000, lambda fraction, message: told.append((fraction, message)))
    progress.begin("Installing tiny")
    for line in done.stdout.splitlines():
        progress.line(line)
    assert told[0] == (0.0, "Installing tiny")
    assert "Installing tiny: tiny-a, tiny-b" in [message.replace("_", "-") for fraction, message in told]
    assert told[-1][0] > 0.9
    assert progress.log.splitlines() == done.stdout.splitlines()


def test_progress_never_goes_back_and_follows_the_bytes():
    told = []
    progress = PipProgress(1_000_000_000, lambda fraction, message: told.append((round(fraction, 3), message)))
    for line in (
        "Collecting torch>=2.5", "  Downloading torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl (500.0 MB)",
        "Collecting sympy", "  Downloading sympy-1.14.0-py3-none-any.whl (6.3 MB)", "Collecting filelock",
        "Installing collected packages: torch, sympy", "Collecting late", "Successfully installed torch-2.13.0",
    ):  # fmt: skip
        progress.line(line)
    assert [fraction for fraction, _message in told] == [0.0, 0.0, 0.4, 0.4, 0.405, 0.8, 0.8, 0.97]


# One question, and the work goes on


class Ended:
    """An engine that hears when it is to end."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self, timeout: float = 1.0) -> None:
        self.closed += 1


@pytest.fixture
def first_use(scene, monkeypatch):
    """``installer, heard, engine`` where safetensors is missing until pip is asked for it."""
    heard: list[object] = []
    engine = Ended()
    installer = PackageInstaller(engine, lambda *progress: heard.append(progress), heard.append)
    monkeypatch.setattr(package_installer, "missing_packages", lambda: [] if rig.pip_requests else ["safetensors"])
    return installer, heard, engine


def test_one_question_then_it_is_installed_and_the_work_goes_on(first_use):
    installer, heard, engine = first_use
    assert installer.problem().startswith("safetensors must be installed first")
    installer.ensure(lambda: heard.append("went on"))
    (message,) = rig.messages
    assert message.text == question(["safetensors"])
    assert "1 MB to download" in message.text
    assert rig.pip_requests[0][0] == "safetensors>=0.4"
    assert heard[0] == (0.0, "Installing safetensors")
    assert heard[-1] == "went on"
    assert engine.closed == 1
    assert not installer.is_running
    assert installer.problem() == ""
    installer.ensure(lambda: heard.append("at once"))
    assert heard[-1] == "at once"
    assert len(rig.messages) == 1
    assert engine.closed == 1


def test_who_says_no_has_nothing_installed(first_use):
    installer, heard, engine = first_use
    rig.answer(False)
    installer.ensure(lambda: heard.append("went on"))
    assert [failure.kind for failure in heard] == ["cancelled"]
    assert rig.pip_requests == []
    assert engine.closed == 0


def test_what_fails_is_told_in_a_sentence(first_use, monkeypatch):
    installer, heard, engine = first_use
    monkeypatch.setattr(slicer.util, "pip_install", lambda requirements: 1 / 0)
    installer.ensure(lambda: heard.append("went on"))
    assert isinstance(heard[-1], Failure)
    assert (heard[-1].kind, heard[-1].message) == ("engine", "safetensors could not be installed: division by zero.")
    assert engine.closed == 0
    assert not installer.is_running


def test_a_click_while_it_installs_is_no_second_one(first_use, monkeypatch):
    installer, heard, _engine = first_use
    monkeypatch.setattr(
        slicer.util, "pip_install", lambda requirements: installer.ensure(lambda: heard.append("twice"))
    )
    installer.ensure(lambda: heard.append("once"))
    assert "twice" not in heard
    assert heard[-1] == "once"


def test_sizes_in_words():
    assert [size_text(size) for size in (3_000_000_000, 301_000_000, 3_000_000, 1)] == [
        "3.0 GB",
        "0.3 GB",
        "3 MB",
        "1 MB",
    ]

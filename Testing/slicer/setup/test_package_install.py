"""Packages installed by the real pip into a throwaway environment: from a folder of wheels, whole or not at all."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from MMHVAESynthesisLib.engine.jobs import Callbacks, Failure
from MMHVAESynthesisLib.engine.process import is_running
from MMHVAESynthesisLib.setup import wheel_list
from MMHVAESynthesisLib.setup.package_run import PackageRun
from MMHVAESynthesisLib.setup.wheel_list import list_for_this_computer, missing, read_wheel_list

from .tiny_wheels import make_list, make_wheel

REPOSITORY = Path(__file__).resolve().parents[3]
LISTS = sorted((REPOSITORY / "MMHVAESynthesis" / "Resources" / "Wheels").glob("*.txt"))
PATIENCE = 180.0  # seconds; only a failing test waits that long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the throwaway environment is looked at the POSIX way")


@pytest.fixture
def python(bare_python) -> Iterator[Path]:
    """The interpreter of an environment that has pip and nothing else; emptied again after the test."""
    yield bare_python
    names = sorted({path.name.split("-")[0] for path in packages(bare_python) if path.name.startswith("tiny")})
    if names:
        subprocess.run(
            [bare_python, "-m", "pip", "uninstall", "--quiet", "--yes", *names], check=True, timeout=PATIENCE
        )
    assert [path for path in packages(bare_python) if "tiny" in path.name] == []


def packages(python: Path) -> list[Path]:
    return [path for folder in python.parents[1].glob("lib/python*/site-packages") for path in folder.iterdir()]


def versions(python: Path) -> dict[str, str]:
    """What can be imported of the tiny packages."""
    code = "import importlib.metadata as m; print(*[f'{d.name} {d.version}' for d in m.distributions()], sep='\\n')"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    return dict(line.split() for line in done.stdout.splitlines() if line.startswith("tiny"))


@pytest.fixture
def tiny(tmp_path) -> tuple[Path, Path]:
    """A list of two wheels of which one needs the other, and the folder that holds them."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    ballast = np.random.default_rng(0).bytes(300_000)
    wheels = [make_wheel(folder, "tiny_a"), make_wheel(folder, "tiny_b", needs="tiny_a>=1.0", ballast=ballast)]
    return make_list(tmp_path / "list.txt", wheels), folder


@dataclass
class Heard:
    """What the callbacks were told."""

    done: list[dict] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    progress: list[tuple[float, str]] = field(default_factory=list)


def install(run: PackageRun, *arguments: object, on_progress: Callable[[str], None] = lambda message: None) -> Heard:
    heard = Heard()

    def progress(fraction: float, message: str) -> None:
        heard.progress.append((fraction, message))
        on_progress(message)

    run.start([str(argument) for argument in arguments], Callbacks(heard.done.append, heard.failures.append, progress))
    limit = time.monotonic() + PATIENCE
    while run.is_running:
        assert time.monotonic() < limit
        run.poll(0.05)
    assert len(heard.done) + len(heard.failures) == 1
    return heard


def refused(heard: Heard) -> str:
    assert not heard.done
    (failure,) = heard.failures
    assert failure.message.endswith(".")
    assert "\n" not in failure.message
    return failure.message


def test_from_a_folder_of_wheels(python, tiny):
    wanted, folder = tiny
    heard = install(PackageRun([str(python)]), "wheels", wanted, folder)
    assert heard.failures == []
    assert versions(python) == {"tiny_a": "1.0", "tiny_b": "1.0"}
    fractions = [fraction for fraction, message in heard.progress]
    assert fractions == sorted(fractions)
    assert install(PackageRun([str(python)]), "wheels", wanted, folder).failures == []  # once more does no harm


def spoil(kind: str, wanted: Path, folder: Path) -> None:
    a, b = sorted(folder.iterdir())
    if kind == "missing":
        b.unlink()
    elif kind == "altered":
        content = bytearray(b.read_bytes())
        content[len(content) // 2] ^= 1
        b.write_bytes(content)
    elif kind == "cut":
        b.write_bytes(b.read_bytes()[:-1])
    elif kind == "no folder":
        a.unlink()
        b.unlink()
        folder.rmdir()
    elif kind == "no wheel":
        b.write_bytes(b"something else")
        make_list(wanted, [a, b])
    else:  # what b needs is neither on the list nor in the folder
        a.unlink()
        make_list(wanted, [b])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "lacks tiny_b"),
        ("altered", "altered"),
        ("cut", "lacks tiny_b"),
        ("no folder", "lacks tiny_a"),
        ("no wheel", "is no wheel"),
        ("dependency", "cannot be had"),
    ],
)
def test_wheels_that_cannot_be_installed(python, tiny, kind, words):
    spoil(kind, *tiny)
    assert words in refused(install(PackageRun([str(python)]), "wheels", *tiny))
    assert versions(python) == {}


def test_a_disk_that_fills_up_half_way(python, tiny, full_disk):
    with full_disk(200_000):  # room for the first package, not for the second one's ballast
        heard = install(PackageRun([str(python)]), "wheels", *tiny)
    assert "no room" in refused(heard)
    assert "removing what was installed" in [message for fraction, message in heard.progress]
    assert versions(python) == {}
    assert [path.name for path in packages(python) if "iny" in path.name] == []


def test_cancelled_while_checking(python, tiny):
    run = PackageRun([str(python)])
    pids: list[int] = []

    def cancel(message: str) -> None:
        pids.append(run._process._child.pid)
        run.cancel()

    heard = install(run, "wheels", *tiny, on_progress=cancel)
    assert [failure.kind for failure in heard.failures] == ["cancelled"]
    limit = time.monotonic() + PATIENCE
    while is_running(pids[0]) and Path(f"/proc/{pids[0]}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert versions(python) == {}


def test_no_cancelling_half_way(python, tiny):
    run = PackageRun([str(python)])
    heard = install(run, "wheels", *tiny, on_progress=lambda message: run.cancel() if message == "installing" else None)
    assert heard.failures == []
    assert versions(python) == {"tiny_a": "1.0", "tiny_b": "1.0"}


def test_an_interpreter_that_is_not_there(tmp_path):
    assert "cannot be started" in refused(install(PackageRun([str(tmp_path / "python")]), "index", "tiny_a"))


@pytest.mark.parametrize(("name", "fine"), [("tiny_a>=1.0", True), ("tiny_a>=2.0", False), ("tiny_c", False)])
def test_from_the_index_that_pip_is_set_up_for(python, tiny, monkeypatch, name, fine):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny[1]))
    heard = install(PackageRun([str(python)]), "index", name)
    assert bool(heard.done) is fine
    assert versions(python) == ({"tiny_a": "1.0"} if fine else {})


# The lists


def test_there_are_lists():
    assert {path.stem for path in LISTS} == {"linux-x86_64-cp312", "windows-amd64-cp312", "macos-arm64-cp312"}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_a_shipped_list(path):
    wanted = read_wheel_list(path)
    tested = dict(re.findall(r"^([\w.-]+)==(\S+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE))
    found = {wheel.name: wheel.version for wheel in wanted.wheels}
    assert {name: found[name] for name in ("torch", "safetensors")} == {n: tested[n] for n in ("torch", "safetensors")}
    assert not {"numpy", "simpleitk"} & found.keys()  # Slicer has them
    assert len(found) == len(wanted.wheels) == len({wheel.sha256 for wheel in wanted.wheels})
    for wheel in wanted.wheels:
        assert wheel.file.split("-")[:2] == [wheel.name.replace("-", "_"), wheel.version]
        tags = wheel.file.removesuffix(".whl").split("-")[-1].split(".")
        assert tags == ["any"] or all(f"--platform {tag} " in wanted.command for tag in tags)
        python = wheel.file.split("-")[-3]
        assert python in ("cp312", "py3", "py2.py3") or "-abi3-" in wheel.file
    assert wanted.command.endswith(path.name)
    assert wanted.size > 100e6


def test_the_list_of_this_computer(tmp_path, monkeypatch):
    wheel = make_wheel(tmp_path, "tiny_a")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    make_list(tmp_path / f"windows-amd64-{python}.txt", [wheel])
    monkeypatch.setattr(wheel_list.sys, "platform", "win32")
    monkeypatch.setattr(wheel_list.platform, "machine", lambda: "AMD64")
    found = list_for_this_computer(tmp_path)
    assert found is not None
    assert missing(found, tmp_path) == []
    monkeypatch.setattr(wheel_list.platform, "machine", lambda: "riscv64")
    assert list_for_this_computer(tmp_path) is None


def test_a_list_that_is_none(tmp_path):
    (tmp_path / "list.txt").write_text("torch\n")
    with pytest.raises(ValueError, match="no wheel"):
        read_wheel_list(tmp_path / "list.txt")

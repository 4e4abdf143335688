"""Packages installed by the real pip into a throwaway environment: from a folder of wheels, whole or not at all.

What the environment had before stands for what Slicer ships: after every test it is byte for byte the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from mmhvae.exceptions import InputError
from MMHVAESynthesisLib.engine.jobs import Callbacks, Failure
from MMHVAESynthesisLib.engine.process import is_running
from MMHVAESynthesisLib.setup import wheel_list
from MMHVAESynthesisLib.setup.package_run import PackageRun
from MMHVAESynthesisLib.setup.staging import Stage, clear_leftovers
from MMHVAESynthesisLib.setup.wheel_list import list_for_this_computer, missing, read_wheel_list

from .tiny_wheels import make_list, make_wheel

REPOSITORY = Path(__file__).resolve().parents[3]
LISTS = sorted((REPOSITORY / "MMHVAESynthesis" / "Resources" / "Wheels").glob("*.txt"))
PATIENCE = 180.0  # seconds; only a failing test waits that long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the throwaway environment is looked at the POSIX way")


#: What is asked for.
WANTED = "tiny_b>=1.0"


@pytest.fixture
def python(bare_python, tmp_path) -> Iterator[Path]:
    """The interpreter of an environment that ships pip and a package of its own; as it was again after the test."""
    (place,) = bare_python.parents[1].glob("lib/python*/site-packages")
    empty = contents(bare_python)
    unpacked = tmp_path / "shipped"
    unpacked.mkdir()
    zipfile.ZipFile(make_wheel(unpacked, "tiny_shipped")).extractall(place)  # quicker than pip
    before = contents(bare_python)
    yield bare_python
    after = contents(bare_python)
    assert {path: after.get(path) for path in before} == before
    for path in packages(bare_python):
        if "tiny" in path.name:
            shutil.rmtree(path)
    assert contents(bare_python) == empty


def packages(python: Path) -> list[Path]:
    return [path for folder in python.parents[1].glob("lib/python*/site-packages") for path in folder.iterdir()]


def contents(python: Path) -> dict[str, bytes]:
    """Every file and folder of the environment that is not compiled code, with a digest of what is in it."""
    root = python.parents[1]
    found = [path for path in root.rglob("*") if "__pycache__" not in path.parts and path.is_relative_to(root)]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
        for path in found
    }


def versions(python: Path) -> dict[str, str]:
    """What can be imported of the tiny packages, but for what was shipped."""
    code = "import importlib.metadata as m; print(*[f'{d.name} {d.version}' for d in m.distributions()], sep='\\n')"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    found = dict(line.split() for line in done.stdout.splitlines() if line.startswith("tiny"))
    assert found.pop("tiny_shipped") == "1.0"
    return found


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


def test_from_a_folder_of_wheels_and_cancel_half_way_leaves_no_half(python, tiny):
    run = PackageRun([str(python)])
    cancel = lambda message: run.cancel() if message == "installing" else None  # noqa: E731
    heard = install(run, *tiny, WANTED, on_progress=cancel)
    assert heard.failures == []
    assert versions(python) == {"tiny_a": "1.0", "tiny_b": "1.0"}
    fractions = [fraction for fraction, message in heard.progress]
    assert fractions == sorted(fractions)
    after = contents(python)
    assert install(PackageRun([str(python)]), *tiny, WANTED).failures == []  # once more does no harm
    assert contents(python) == after


@pytest.mark.parametrize(("needs", "fits"), [("tiny_shipped>=1.0", True), ("tiny_shipped>=2.0", False)])
def test_what_slicer_ships_stays_though_the_list_has_a_newer_one(python, tmp_path, needs, fits):
    """As setuptools and typing-extensions, which torch needs in some version."""
    folder = tmp_path / "newer"
    folder.mkdir()
    wheels = [make_wheel(folder, "tiny_shipped", "2.0"), make_wheel(folder, "tiny_b", needs=needs)]
    before = contents(python)
    heard = install(PackageRun([str(python)]), make_list(tmp_path / "list.txt", wheels), folder, WANTED)
    if fits:
        assert heard.failures == []
        assert versions(python) == {"tiny_b": "1.0"}
    else:
        assert "tiny-shipped==1.0" in refused(heard)
        assert contents(python) == before


def test_a_folder_that_is_in_the_way_is_left_alone(python, tiny):
    """One that no package owns."""
    (place,) = python.parents[1].glob("lib/python*/site-packages")
    own = place / "tiny_a" / "__init__.py"
    own.parent.mkdir()
    own.write_text("mine")
    before = contents(python)
    assert "is there already" in refused(install(PackageRun([str(python)]), *tiny, WANTED))
    assert contents(python) == before
    own.unlink()
    own.parent.rmdir()


@pytest.fixture
def stage_of(tmp_path) -> Callable[[], Stage]:
    """``stage_of()``: a stage with three files, to be moved into a folder that has one; ``prefix`` beside it."""
    prefix = tmp_path / "prefix"
    (prefix / "lib").mkdir(parents=True)
    (prefix / "lib" / "own.py").write_text("own")

    def make() -> Stage:
        folder = tmp_path / f".mmhvae-installing-{2**22 + 1}-x"  # of a process that cannot be
        folder.mkdir()
        stage = Stage(folder, prefix)
        for name in ("lib/new/a.py", "lib/new/b.py", "lib/c.py"):
            (stage.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (stage.tree / name).write_text(name)
        return stage

    return make


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("moved", [0, 1, 2])
@pytest.mark.parametrize("how", ["the disk refuses", "it is killed"])
def test_what_was_moved_in_is_taken_back(stage_of, tmp_path, monkeypatch, moved, how):
    stage, before, real, count = stage_of(), tree(tmp_path / "prefix"), os.replace, []

    def replace(source, target):
        count.append(source)
        if len(count) > moved:
            raise OSError(28, "No space left on device") if how == "the disk refuses" else KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", replace)
        with pytest.raises(InputError if how == "the disk refuses" else KeyboardInterrupt):
            stage.move_in()
    if how == "it is killed":
        assert tree(tmp_path / "prefix") != before
        clear_leftovers(tmp_path, tmp_path / "prefix")  # at the next start
        assert list(tmp_path.glob(".mmhvae*")) == []
    assert tree(tmp_path / "prefix") == before


def test_all_is_moved_in(stage_of, tmp_path):
    stage_of().move_in()
    assert tree(tmp_path / "prefix") == {"lib", "lib/own.py", "lib/new", "lib/new/a.py", "lib/new/b.py", "lib/c.py"}


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


def test_wheels_that_cannot_be_installed(python, tmp_path):
    """One after the other, since each makes the environment be looked at."""
    before = contents(python)
    for kind, words in {
        "missing": "lacks tiny_b", "altered": "altered", "cut": "lacks tiny_b", "no folder": "lacks tiny_a",
        "no wheel": "is no wheel", "dependency": "cannot be had",
    }.items():  # fmt: skip
        folder = tmp_path / kind / "wheels"
        folder.mkdir(parents=True)
        wheels = [make_wheel(folder, "tiny_a"), make_wheel(folder, "tiny_b", needs="tiny_a>=1.0", ballast=b"x" * 999)]
        wanted = make_list(tmp_path / kind / "list.txt", wheels)
        spoil(kind, wanted, folder)
        assert words in refused(install(PackageRun([str(python)]), wanted, folder, WANTED))
        assert contents(python) == before


def test_a_disk_that_fills_up_half_way(python, tiny, full_disk):
    before = contents(python)
    with full_disk(200_000):  # room for the first package, not for the second one's ballast
        heard = install(PackageRun([str(python)]), *tiny, WANTED)
    assert "no room" in refused(heard)
    assert "installing" in [message for fraction, message in heard.progress]
    assert contents(python) == before


def test_cancelled_while_checking(python, tiny):
    run = PackageRun([str(python)])
    pids: list[int] = []

    def cancel(message: str) -> None:
        pids.append(run._process._child.pid)
        run.cancel()

    heard = install(run, *tiny, WANTED, on_progress=cancel)
    assert [failure.kind for failure in heard.failures] == ["cancelled"]
    limit = time.monotonic() + PATIENCE
    while is_running(pids[0]) and Path(f"/proc/{pids[0]}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert versions(python) == {}


def test_an_interpreter_that_is_not_there(tmp_path, tiny):
    assert "cannot be started" in refused(install(PackageRun([str(tmp_path / "python")]), *tiny, WANTED))


# The lists


def test_there_are_lists():
    assert {path.stem for path in LISTS} == {"linux-x86_64-cp312", "windows-amd64-cp312", "macos-arm64-cp312"}


def test_the_shipped_lists():
    for path in LISTS:
        check_list(path)


def check_list(path: Path) -> None:
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

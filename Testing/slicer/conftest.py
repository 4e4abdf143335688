"""Fixtures of the tests that need Slicer: the rig's application, and an empty scene for each test."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rig

# Torch's CUDA builds bring triton, whose LLVM crashes where it is loaded after that of Slicer's views.
with contextlib.suppress(ImportError):
    importlib.import_module("triton")
with contextlib.suppress(rig.CannotStart):  # so that test files can import slicer, qt and our modules at their top
    rig.start()


@pytest.fixture(scope="session")
def slicer_app() -> Any:
    """``slicer.app`` of the rig; a test that needs it is skipped, with the reason, where it cannot start."""
    try:
        return rig.start()
    except rig.CannotStart as reason:
        pytest.skip(str(reason))


@pytest.fixture
def scene(slicer_app: Any) -> Iterator[Any]:
    """An empty ``slicer.mrmlScene``; afterwards no slot, timer, observer or thread may have raised."""
    import slicer

    rig.reset()
    yield slicer.mrmlScene
    rig.process_events()
    errors = list(slicer_app.errors)
    slicer_app.errors.clear()
    assert errors == []


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has pip and nothing else.

    A copy of this environment's own pip: it is compiled, whereas the one that venv unpacks would be at every call.
    """
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=180)
    (packages,) = folder.glob("[Ll]ib/**/site-packages")
    spec = importlib.util.find_spec("pip")
    assert spec is not None, "needs pip beside this interpreter"
    assert spec.origin is not None
    for original in Path(spec.origin).parents[1].glob("pip*"):
        if original.name == "pip" or original.suffix == ".dist-info":
            shutil.copytree(original, packages / original.name)
    return folder / "bin" / "python"


@pytest.fixture
def panel(scene: Any) -> Iterator[Any]:
    """The registration module's own widget, shown and entered, on an empty scene; some files have others."""
    representation = rig.load_module("MMHVAERegistration")
    representation.window().resize(1400, 1000)
    rig.process_events()
    widget = representation.self()
    yield widget
    widget.logic.cancel()
    rig.wait_until(lambda: not widget.logic.is_running, 10)

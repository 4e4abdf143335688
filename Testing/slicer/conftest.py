"""Fixtures of the tests that need Slicer: the rig's application, and an empty scene for each test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import rig

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

"""The overlays' section of the panel, by itself."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def case(scene) -> Any:
    from .section import Case  # needs Slicer, which conftest files cannot require

    case = Case()
    yield case
    case.panel.close()
    case.window.close()

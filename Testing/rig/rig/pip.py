"""slicer.util.pip_install that installs nothing: what was asked for is recorded."""

from __future__ import annotations

from typing import Any

#: What was asked for since the test began.
requests: list[str | list[str]] = []


def install(util: Any) -> None:
    """Put the recording function in the place of slicer.util's."""

    def pip_install(requirements: str | list[str], **options: Any) -> None:
        requests.append(requirements)

    util.pip_install = pip_install

"""Slicer's Qt side over slicer-core and PySide6: modules, widgets and slice views without the desktop application.

See README.md in the folder above.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import message_boxes as _boxes, pip as _pip
from .message_boxes import Message, answer
from .start import CannotStart, reset, start

#: What a user does.
_USER = {
    "choose",
    "choose_files",
    "click",
    "event_loop_turns",
    "grab",
    "grab_slice",
    "move_slider",
    "opened_urls",
    "press_key",
    "process_events",
    "shown_text",
    "type_text",
    "wait_until",
}
__all__ = ["CannotStart", "Message", "answer", "load_module", "messages", "pip_requests", "require", "reset", "start"]
__all__ += sorted(_USER)

#: Message boxes that were shown since the test began.
messages = _boxes.messages
#: What slicer.util.pip_install was asked for since the test began.
pip_requests = _pip.requests


def __getattr__(name: str) -> Any:
    """What a user does; it needs Qt, which this package can be imported without."""
    if name not in _USER:
        raise AttributeError(f"module 'rig' has no attribute '{name}'")
    start()
    from . import choosing, user

    return getattr(choosing if hasattr(choosing, name) else user, name)


def require() -> None:
    """Start the rig, or skip the whole test file with the reason; stands before a file's imports of slicer and qt."""
    import pytest

    try:
        start()
    except CannotStart as reason:
        pytest.skip(str(reason), allow_module_level=True)


def load_module(name: str, folder: str | Path | None = None) -> Any:
    """Load a scripted module as Slicer does, once, and show it in the main window.

    Args:
        name: of the module.
        folder: that holds ``<name>.py``; by default the folder of this name in the repository.

    Returns:
        Its widget representation; ``.self()`` is the module's own widget.
    """
    app = start()
    from .module_manager import load_scripted_module

    folder = Path(folder) if folder is not None else Path(__file__).parents[3] / name
    if app.moduleManager().module(name) is None:
        load_scripted_module(folder / f"{name}.py")
    app._main_window.moduleSelector().selectModule(name)
    app.processEvents()
    return app.moduleManager().module(name).widgetRepresentation()

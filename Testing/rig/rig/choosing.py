"""Dialogs that would wait for a user: which files are chosen, and which pages are opened."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui, QtWidgets

#: Pages that were opened in the browser since the test began, as text.
opened_urls: list[str] = []
_choices: list[Any] = []


def choose_files(*paths: Any) -> None:
    """What the user will choose in the next file dialog; nothing: they cancel it."""
    _choices.append([str(path) for path in paths])


def clear() -> None:
    """Forget what was opened and what was to be chosen."""
    opened_urls.clear()
    _choices.clear()


def _next(what: str) -> list[str]:
    assert _choices, f"a file dialog opened ({what}), and nobody said what is chosen: see rig.choose_files"
    return _choices.pop(0)


def _one(parent: Any = None, caption: str = "", *_: Any) -> str:
    return next(iter(_next(caption)), "")  # PythonQt gives the path alone


def _several(parent: Any = None, caption: str = "", *_: Any) -> tuple[str, ...]:
    return tuple(_next(caption))


def _open(url: Any) -> bool:
    opened_urls.append(url.toString())
    return True


def install() -> None:
    """In the place of Qt's."""
    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        setattr(QtWidgets.QFileDialog, name, staticmethod(_one))
    QtWidgets.QFileDialog.getOpenFileNames = staticmethod(_several)
    QtGui.QDesktopServices.openUrl = staticmethod(_open)

"""The module ``qt``: PySide6 under the names and with the manners of Slicer's PythonQt."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from . import pythonqt
from .ui_loader import QUiLoader

pythonqt.install()

# What PySide6 has and PythonQt has not.
_PYSIDE_ONLY = {"Signal", "Slot", "Property", "ClassInfo", "SignalInstance", "QUiLoader"}

globals().update(
    {
        name: getattr(module, name)
        for module in (QtCore, QtGui, QtWidgets)
        for name in dir(module)
        if name[0] == "Q" and name not in _PYSIDE_ONLY
    }
)
globals()["QUiLoader"] = QUiLoader

_get_text = QtWidgets.QInputDialog.getText
QtWidgets.QInputDialog.getText = staticmethod(lambda *arguments, **names: _get_text(*arguments, **names)[0])


def _single_shot(milliseconds: int, receiver: Any, member: str | None = None) -> None:
    timer = QtCore.QTimer(QtCore.QCoreApplication.instance())
    timer.setSingleShot(True)
    timer.connect("timeout()", receiver, member)
    timer.connect("timeout()", timer.deleteLater)
    timer.start(milliseconds)


QtCore.QTimer.singleShot = staticmethod(_single_shot)

_menu_init = QtWidgets.QMenu.__init__


def _init_menu(self: Any, *arguments: Any) -> None:
    """PythonQt takes a parent that is no widget for None; Slicer's own developer section relies on it."""
    _menu_init(self, *[argument for argument in arguments if isinstance(argument, str | QtWidgets.QWidget)])


QtWidgets.QMenu.__init__ = _init_menu

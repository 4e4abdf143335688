"""QUiLoader for .ui files with Slicer's widgets."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from .stand_in import CUSTOM_WIDGETS

#: What the format of .ui files has beside the widgets' own properties.
_OF_THE_FORMAT = {"buddy"}


class QUiLoader(QtUiTools.QUiLoader):
    """Makes the stand-ins, and the file's connections in Python.

    ``load`` raises RuntimeError for a widget, property, signal or object that does not exist.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        for cls in CUSTOM_WIDGETS.values():
            self.registerCustomWidget(cls)

    def load(self, device: Any, parent: Any = None) -> Any:
        root = ElementTree.fromstring(bytes(device.readAll()))
        _check_classes(root)
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(buffer, parent)
        if widget is None:
            raise RuntimeError(self.errorString())
        _check_properties(root, widget)
        for connection in connections if connections is not None else ():
            _connect(widget, *(connection.findtext(tag) for tag in ("sender", "signal", "receiver", "slot")))
        return widget


def _check_classes(root: Any) -> None:
    known = {*CUSTOM_WIDGETS, "Line", *dir(QtWidgets)}
    for name in [widget.get("class") for widget in root.iter("widget")]:
        if name not in known:
            raise RuntimeError(f"the rig has no widget {name}")


def _check_properties(root: Any, top: Any) -> None:
    """A misspelt property becomes a dynamic one; those that are meant to be dynamic say stdset="0"."""
    for element in root.iter("widget"):
        widget = _find(top, element.get("name"))
        for prop in element.findall("property"):
            name = prop.get("name")
            if name in _OF_THE_FORMAT or prop.get("stdset") == "0":
                continue
            if widget.metaObject().indexOfProperty(name) < 0:
                raise RuntimeError(f"{element.get('class')} '{element.get('name')}' has no property '{name}'")


def _find(top: Any, name: str | None) -> Any:
    found = top if top.objectName == name else top.findChild(QtCore.QObject, name)
    if found is None:
        raise RuntimeError(f"the .ui file has no object '{name}'")
    return found


def _connect(top: Any, sender: str, signal: str, receiver: str, slot: str) -> None:
    _find(top, sender).connect(signal, _find(top, receiver), slot)

"""PySide6 made to behave like PythonQt, Slicer's Python binding of Qt.

Properties are attributes (``label.text``, ``button.enabled = True``); signals are connected by their C++ signature
(``button.connect("clicked()", slot)``), and a slot gets no more arguments than the signature and itself have; a name
that a Qt class does not have cannot be set. Where PythonQt is lenient and goes on after a mistake, this raises.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

# Shiboken refuses object.__setattr__ on its classes.
_set_attribute = ctypes.pythonapi.PyObject_GenericSetAttr
_set_attribute.argtypes, _set_attribute.restype = [ctypes.py_object] * 3, ctypes.c_int

_native = {name: getattr(QtCore.QObject, name) for name in ("property", "setProperty", "connect", "disconnect")}

# Virtual in C++: a property of this name would look like an override.
_METHODS = {"sizeHint", "minimumSizeHint", "sizeConstraint"}


def _property(cls: type, name: str, writable: bool) -> property | None:
    """The property as a Python attribute, over the class's own getter and setter where it has them."""
    getter = getattr(cls, name, None) or getattr(cls, f"is{name[0].upper()}{name[1:]}", None)
    # isinstance with QtCore.Signal corrupts a reference count on Python 3.11
    kind = type(getter).__name__
    if kind == "Signal" or kind == "builtin_function_or_method":  # the latter is static
        return None
    read = getter if kind == "method_descriptor" else lambda self: _native["property"](self, name)
    setter = f"set{name[0].upper()}{name[1:]}"

    def write(self: Any, value: Any) -> None:
        if callable(getattr(self, setter, None)):
            getattr(self, setter)(value)
        elif not _native["setProperty"](self, name, value):
            raise AttributeError(f"cannot set property '{name}' of {type(self).__name__}")

    return property(read, write if writable else None)


def _classes() -> list[type]:
    """All of Qt's object classes, bases first."""
    classes = {
        cls
        for module in (QtCore, QtGui, QtWidgets)
        for cls in (getattr(module, name) for name in dir(module))  # vars() would miss what is loaded when asked for
        if inspect.isclass(cls) and issubclass(cls, QtCore.QObject)
    }
    return sorted(classes, key=lambda cls: len(cls.__mro__))


def _install_properties() -> None:
    for cls in _classes():
        meta = cls.staticMetaObject
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            prop = meta.property(index)
            if prop.name() not in _METHODS:
                made = _property(cls, prop.name(), prop.isWritable())
                if made is not None:
                    setattr(cls, prop.name(), made)
    QtCore.QObject.name = QtCore.QObject.objectName  # PythonQt's short name of it


def _bound_signal(sender: Any, signature: str) -> tuple[Any, int]:
    """The signal that a C++ signature names, and the number of its arguments."""
    name, _, types_ = signature.replace(" ", "").rstrip(")").partition("(")
    if "(" not in signature or not hasattr(getattr(sender, name, None), "connect"):
        raise AttributeError(f"{type(sender).__name__} has no signal '{signature}'")
    meaning = getattr(type(sender), "signal_types", {}).get(f"{name}({types_})", f"{name}({types_})")
    if sender.metaObject().indexOfSignal(bytes(QtCore.QMetaObject.normalizedSignature(meaning).data()).decode()) < 0:
        raise AttributeError(f"{type(sender).__name__} has no signal '{signature}', though one named {name}")
    bound, kinds = getattr(sender, name), types_.split(",") if types_ else []
    with contextlib.suppress(KeyError, IndexError, TypeError):  # one of several of this name
        bound = bound[tuple(kinds)] if len(kinds) > 1 else bound[kinds[0]]
    return bound, len(kinds)


def _accepted(slot: Callable[..., Any], most: int) -> int | None:
    """How many arguments a slot is called with; None for a slot in C++, which Qt itself looks after."""
    if isinstance(slot, types.BuiltinFunctionType) or not callable(slot):
        return None
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return most
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(most, sum(parameter.kind in positional for parameter in parameters))


def _connections(sender: Any) -> dict[tuple[str, Any], Any]:
    if "_connections" not in vars(sender):
        _set_attribute(sender, "_connections", {})
    return vars(sender)["_connections"]


def _connect(self: Any, signal: Any, receiver: Any = None, slot: str | None = None) -> Any:
    if not isinstance(signal, str):  # PySide's own code
        return _native["connect"](self, signal, receiver)
    if slot is not None:
        receiver = getattr(receiver, slot.split("(")[0])
    bound, most = _bound_signal(self, signal)
    count = _accepted(receiver, most)
    if count is None:
        bound.connect(receiver)
        return True

    def call(*arguments: Any) -> None:
        receiver(*arguments[:count])

    _connections(self)[signal, receiver] = call
    bound.connect(call)
    return True


def _disconnect(self: Any, signal: Any = None, receiver: Any = None, slot: str | None = None) -> Any:
    if not isinstance(signal, str):
        return _native["disconnect"](self, *[argument for argument in (signal, receiver) if argument is not None])
    if slot is not None:
        receiver = getattr(receiver, slot.split("(")[0])
    bound, _ = _bound_signal(self, signal)
    try:
        if receiver is None:
            return bound.disconnect()
        return bound.disconnect(_connections(self).pop((signal, receiver), receiver))
    except (RuntimeError, TypeError):
        return False  # it was not connected, as PythonQt says it


def _getattribute(native: Callable[..., Any]) -> Callable[..., Any]:
    """A class's ``__getattribute__`` over its native one.

    Shiboken finds connect and disconnect of an instance by itself, so class attributes cannot replace them.
    """

    def getattribute(self: Any, name: str) -> Any:
        if name == "connect":
            return types.MethodType(_connect, self)
        if name == "disconnect":
            return types.MethodType(_disconnect, self)
        return native(self, name)

    return getattribute


def _setattr(self: Any, name: str, value: Any) -> None:
    cls = type(self)
    is_wrapped = cls.__module__.startswith("PySide6") or "is_stand_in" in vars(cls)
    if is_wrapped and not name.startswith("_") and not hasattr(cls, name):
        if isinstance(value, QtCore.QObject) and value.objectName == name:
            return  # PySide's .ui loader makes widgets attributes of the form; PythonQt does not
        raise AttributeError(f"'{cls.__name__}' has no property '{name}'")
    found = getattr(cls, name, None)
    if type(found).__name__ == "Property":  # of a stand-in; for Python it is no descriptor
        if found.fset is None:
            raise AttributeError(f"property '{name}' of '{cls.__name__}' is read-only")
        found.fset(self, value)
        return
    _set_attribute(self, name, value)


@functools.cache
def install() -> None:
    """Change PySide6's classes, once."""
    _install_properties()
    for cls in _classes():
        cls.__setattr__ = _setattr  # each has one of its own
        if "__getattribute__" in vars(cls):
            cls.__getattribute__ = _getattribute(cls.__getattribute__)
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = lambda self: self.deleteLater()
    for cls in (QtWidgets.QDialog, QtWidgets.QMenu, QtCore.QCoreApplication, QtWidgets.QMessageBox):
        if not hasattr(cls, "exec_"):
            cls.exec_ = cls.exec

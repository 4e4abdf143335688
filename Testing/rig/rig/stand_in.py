"""Our stand-ins of Slicer's C++ classes: known to the .ui loader, and as strict as Qt's own."""

from __future__ import annotations

import itertools
from typing import Any, TypeVar

from PySide6.QtCore import Property

#: Class name -> class, of all widgets that a .ui file may name beside Qt's.
CUSTOM_WIDGETS: dict[str, type] = {}

Class = TypeVar("Class", bound=type)
_numbers = itertools.count()


def stand_in(cls: Class) -> Class:
    """Mark a stand-in: no attribute can be set on it that it does not have, but those that begin with ``_``."""
    cls.is_stand_in = True  # type: ignore[attr-defined]
    return cls


def custom_widget(cls: Class) -> Class:
    """A stand-in that .ui files may use."""
    CUSTOM_WIDGETS[cls.__name__] = cls
    return stand_in(cls)


def getter(name: str) -> Any:
    """A method that gives the attribute ``name``."""
    return lambda self: getattr(self, name)


def ignored(value: Any, kind: Any = None) -> Any:
    """A property that is kept, and has no effect here."""
    name = f"_ignored_{next(_numbers)}"
    return Property(
        kind or type(value), lambda self: getattr(self, name, value), lambda self, new: setattr(self, name, new)
    )

"""How a value of each type is stored in a vtkMRMLScriptedModuleNode: as text parameters and node references."""

import collections.abc
import enum
import pathlib
import types
import typing

import slicer

from .annotations import Validator, split

PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath)
PURE_PATHS = (pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath)


class Stored:
    """A type whose text is the value; also the base of the others.

    Args:
        kind: the type.
        accepts: what may be assigned.
    """

    cached = True

    def __init__(self, kind, accepts=None):
        self.kind, self.accepts = kind, accepts or kind

    def default(self):
        return 0 if self.kind in (int, float) else self.kind()

    def check(self, value):
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.accepts):
            raise TypeError(f"Value must be of type '{self.accepts}', is type '{type(value)}' value '{value}'")

    def isIn(self, node, name):
        return bool(node.HasParameter(name))

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, str(value))

    def read(self, node, name):
        return self.kind(node.GetParameter(name))

    def remove(self, node, name):
        node.UnsetParameter(name)


class StoredBool(Stored):
    """True or False, by these words."""

    def read(self, node, name):
        return node.GetParameter(name) == "True"


class StoredEnum(Stored):
    """A member of an enumeration, by its name."""

    def default(self):
        return next(iter(self.kind))

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, value.name)

    def read(self, node, name):
        return self.kind[node.GetParameter(name)]


class StoredNode(Stored):
    """A node or None: a reference, and an empty parameter that tells that it was set."""

    def default(self):
        return None

    def check(self, value):
        if value is not None:
            super().check(value)

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class StoredNone(Stored):
    """None, as one member of a union."""

    def default(self):
        return None

    def check(self, value):
        if value is not None:
            raise ValueError("Value must be None")

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, "True")

    def read(self, node, name):
        return None


class StoredUnion(Stored):
    """One of several types, stored under ``<name>_<index of the type>``."""

    def __init__(self, members):
        self.members = members

    @property
    def cached(self):
        return all(member.cached for member in self.members)

    def default(self):
        return None if isinstance(self.members[-1], StoredNone) else self.members[0].default()

    def isIn(self, node, name):
        return any(member.isIn(node, f"{name}_{index}") for index, member in enumerate(self.members))

    def write(self, node, name, value):
        chosen = self._member_for(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            self.members[chosen].write(node, f"{name}_{chosen}", value)

    def _member_for(self, value):
        reason = TypeError(f"Unable to write value '{value}' of type '{type(value)}'")
        for index, member in enumerate(self.members):
            if isinstance(member, StoredNone) != (value is None):
                continue
            try:
                member.check(value)
                return index
            except (TypeError, ValueError) as error:
                reason = error
        raise reason

    def read(self, node, name):
        for index, member in enumerate(self.members):
            if member.isIn(node, f"{name}_{index}"):
                return member.read(node, f"{name}_{index}")
        raise ValueError(f"Unable to read {name}")

    def remove(self, node, name):
        for index, member in enumerate(self.members):
            member.remove(node, f"{name}_{index}")


class StoredList(Stored):
    """Elements under ``<name>_<index>``, their number under ``<name>_len``."""

    def __init__(self, element):
        self.element = element

    @property
    def cached(self):
        return self.element.cached

    def default(self):
        return []

    def isIn(self, node, name):
        return bool(node.HasParameter(f"{name}_len"))

    def _length(self, node, name):
        return int(node.GetParameter(f"{name}_len")) if self.isIn(node, name) else 0

    def write(self, node, name, value):
        values = list(value)
        for item in values:
            self.element.check(item)
        with slicer.util.NodeModify(node):
            for index in range(len(values), self._length(node, name)):
                self.element.remove(node, f"{name}_{index}")
            for index, item in enumerate(values):
                self.element.write(node, f"{name}_{index}", item)
            node.SetParameter(f"{name}_len", str(len(values)))

    def read(self, node, name):
        length = self._length(node, name)
        items = [self.element.read(node, f"{name}_{index}") for index in range(length)]
        return ObservedList(items, lambda changed: self.write(node, name, changed))

    def remove(self, node, name):
        self.write(node, name, [])
        node.UnsetParameter(f"{name}_len")


class ObservedList(collections.abc.MutableSequence):
    """A list that stores itself at each change."""

    def __init__(self, items, store):
        self._items, self._store = items, store

    def _changed(self, items):
        self._store(items)
        self._items = items

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, item):
        items = list(self._items)
        items[index] = item
        self._changed(items)

    def __delitem__(self, index):
        items = list(self._items)
        del items[index]
        self._changed(items)

    def insert(self, index, item):
        items = list(self._items)
        items.insert(index, item)
        self._changed(items)

    def __eq__(self, other):
        return self._items == (other._items if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __repr__(self):
        return f"ObservedList({self._items})"


class Validated:
    """Any of the above with validators."""

    def __init__(self, stored, validators):
        self._stored, self._validators = stored, validators

    def __getattr__(self, name):
        return getattr(self._stored, name)

    def check(self, value):
        self._stored.check(value)
        for validator in self._validators:
            validator.validate(value)

    def write(self, node, name, value):
        self.check(value)
        self._stored.write(node, name, value)


def stored_as(hint):
    """How values of a type hint are stored.

    Raises:
        TypeError: for a type that the stand-in does not know.
    """
    kind, annotations = split(hint)
    validators = [annotation for annotation in annotations if isinstance(annotation, Validator)]
    stored = _stored_kind(kind)
    return Validated(stored, validators) if validators else stored


def _stored_kind(kind):
    origin = typing.get_origin(kind)
    if origin is list:
        return StoredList(stored_as(typing.get_args(kind)[0]))
    if origin in (typing.Union, types.UnionType):
        return StoredUnion([stored_as(member) for member in typing.get_args(kind)])
    if kind is type(None):
        return StoredNone(kind)
    if kind is bool:
        return StoredBool(bool)
    if kind is float:
        return Stored(float, (int, float))
    if kind in (int, str, *PATHS, *PURE_PATHS):
        return Stored(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return StoredEnum(kind)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return StoredNode(kind)
    raise TypeError(f"the stand-in of parameterNodeWrapper does not know the type {kind}")

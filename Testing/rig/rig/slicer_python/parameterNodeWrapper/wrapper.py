"""The decorator ``@parameterNodeWrapper``: typed attributes over a parameter node."""

import typing
import weakref

import qt
import slicer
import vtk

from .annotations import Default, first, split
from .stored import stored_as
from .widgets import connector_for

SlicerParameterNamePropertyName = "SlicerParameterName"


class Parameter:
    """One attribute: how it is stored and what it is to begin with."""

    def __init__(self, hint, default):
        self.hint, self.stored = hint, stored_as(hint)
        self.default = default or first(split(hint)[1], Default) or Default(self.stored.default())


def parameterNodeWrapper(classtype=None):
    """Make a class with type hints a wrapper of a parameter node."""
    return _process if classtype is None else _process(classtype)


def isParameterNodeWrapper(classOrObj):
    """Whether it is a wrapper's class or instance."""
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


def _process(cls):
    cls.allParameters = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        default = Default(getattr(cls, name)) if hasattr(cls, name) else None
        cls.allParameters[name] = Parameter(hint, default)
        setattr(cls, name, property(lambda self, n=name: self.getValue(n), lambda self, v, n=name: self.setValue(n, v)))
    for name, function in WRAPPER.items():
        if name in cls.allParameters:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(cls, name, function)
    return cls


def _init(self, parameterNode, prefix=None):
    self.parameterNode = parameterNode
    self._prefix = prefix or ""
    self._values, self._guis, self._nextGui = {}, {}, 0
    self._isWriting = self._isUpdatingGui = False
    for name, parameter in self.allParameters.items():
        if not parameter.stored.isIn(parameterNode, self._prefix + name):
            parameter.stored.write(parameterNode, self._prefix + name, parameter.default.value)
    _refresh(self)
    itself = weakref.ref(self)  # the node's observer must not keep the wrapper alive
    # before others hear of a change
    self._tag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: _modified(itself()), 1.0)


def _del(self):
    if hasattr(self, "_tag"):
        self.parameterNode.RemoveObserver(self._tag)


def _modified(self):
    if self is not None and not self._isWriting:
        _refresh(self)


def _refresh(self):
    for name, parameter in self.allParameters.items():
        if parameter.stored.cached:
            self._values[name] = _read(self, name)


def _read(self, name):
    parameter = self.allParameters[name]
    if not parameter.stored.isIn(self.parameterNode, self._prefix + name):
        parameter.stored.write(self.parameterNode, self._prefix + name, parameter.default.value)
    return parameter.stored.read(self.parameterNode, self._prefix + name)


def _check(self, name):
    if name not in self.allParameters:
        raise ValueError(f"Cannot find a param with the given name: {name}; there are {list(self.allParameters)}")


def _getValue(self, name):
    _check(self, name)
    return self._values[name] if name in self._values else _read(self, name)


def _setValue(self, name, value):
    _check(self, name)
    self._isWriting = True
    try:
        with slicer.util.NodeModify(self.parameterNode):  # observers find the new value when they look
            self.allParameters[name].stored.write(self.parameterNode, self._prefix + name, value)
            if self.allParameters[name].stored.cached:
                self._values[name] = _read(self, name)
    finally:
        self._isWriting = False


def _connectGui(self, gui):
    widgets = gui.findChildren(qt.QWidget) if hasattr(gui, "findChildren") else list(vars(gui).values())
    named = [(widget.property(SlicerParameterNamePropertyName), widget) for widget in widgets]
    # as in Slicer, its tag is not told: who wants to disconnect uses connectParametersToGui
    _connectParametersToGui(self, {name: widget for name, widget in named if name})


def _connectParametersToGui(self, mapping):
    for name in mapping:
        _check(self, name)
    connectors = {name: connector_for(widget, self.allParameters[name].hint) for name, widget in mapping.items()}
    tag, self._nextGui = self._nextGui, self._nextGui + 1
    self._guis[tag] = connectors
    for name, connector in connectors.items():
        connector.write(self.getValue(name))
        connector.onChanged(lambda n=name, c=connector: _guiChanged(self, n, c))
    # As Slicer's: disconnectGui does not end it, and VTK crashes at it once garbage collection has taken it apart.
    self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: _updateGui(self))
    return tag


def _guiChanged(self, name, connector):
    if not self._isUpdatingGui:
        with slicer.util.NodeModify(self):
            self.setValue(name, connector.read())


def _updateGui(self):
    if self._isUpdatingGui:
        return
    self._isUpdatingGui = True
    try:
        with slicer.util.NodeModify(self):
            for connectors in self._guis.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
    finally:
        self._isUpdatingGui = False


def _disconnectGui(self, guiTag):
    for connector in self._guis.pop(guiTag, {}).values():
        connector.onChanged(None)


def _default(self, name):
    _check(self, name)
    return self.allParameters[name].default


def _dataType(cls, name):
    _check(cls, name)
    return cls.allParameters[name].hint


WRAPPER = {
    "_is_parameter_node_wrapper": True,
    "__init__": _init,
    "__del__": _del,
    "default": _default,
    "dataType": classmethod(_dataType),
    "getValue": _getValue,
    "setValue": _setValue,
    "connectGui": _connectGui,
    "connectParametersToGui": _connectParametersToGui,
    "disconnectGui": _disconnectGui,
    "StartModify": lambda self: self.parameterNode.StartModify(),
    "EndModify": lambda self, wasModified: self.parameterNode.EndModify(wasModified),
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority
    ),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    "Modified": lambda self: self.parameterNode.Modified(),
}

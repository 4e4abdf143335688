"""qSlicerModuleManager and the modules it knows: C++ logics, and scripted modules."""

import importlib
import sys
from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .qmrml.widget import qMRMLWidget
from .stand_in import custom_widget, stand_in


class CoreModule:
    """A module of Slicer's own, of which there is the logic alone."""

    def __init__(self, name, logic):
        self.name, self.path, self._logic = name, "", logic

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        raise RuntimeError(f"the rig has no panel of Slicer's own module {self.name}")


@custom_widget
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """What holds a scripted module's panel."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._self, self._entered = None, False

    isEntered = Property(bool, lambda self: self._entered)

    def self(self):
        return self._self

    def _make(self, name):
        """Make the module's own widget, of the class as it is now."""
        self._name = name
        self._self = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", self._self)
        self._self.setup()

    def reload(self):
        self._make(self._name)

    def enter(self):
        self._entered = True
        getattr(self._self, "enter", lambda: None)()

    def exit(self):
        self._entered = False
        getattr(self._self, "exit", lambda: None)()


@stand_in
class qSlicerScriptedLoadableModule(QtCore.QObject):
    """The ``parent`` on which a scripted module tells about itself."""

    def __init__(self, name, path):
        super().__init__()
        self.setObjectName(name)
        self._values, self._widget = {}, None
        self._path = path

    path = property(lambda self: self._path)

    def _told(name, default):  # noqa: N805 - makes a property
        def tell(self, value):
            if not isinstance(value, type(default)):
                raise TypeError(f"a module's {name} is {type(default).__name__}, not {type(value).__name__}")
            self._values[name] = value

        return property(lambda self: self._values.get(name, default), tell)

    title, helpText, acknowledgementText = _told("title", ""), _told("helpText", ""), _told("acknowledgementText", "")
    categories, dependencies = _told("categories", []), _told("dependencies", [])
    contributors, associatedNodeTypes = _told("contributors", []), _told("associatedNodeTypes", [])
    icon, hidden, index = _told("icon", QtGui.QIcon()), _told("hidden", False), _told("index", 0)
    widgetRepresentationCreationEnabled = _told("widgetRepresentationCreationEnabled", True)
    del _told

    def logic(self):
        return None

    def widgetRepresentation(self):
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self):
        widget = qSlicerScriptedLoadableModuleWidget()
        widget.setObjectName(f"{self.name}ModuleWidget")
        widget.setLayout(QtWidgets.QVBoxLayout())
        widget.setMRMLScene(slicer.mrmlScene)
        widget._make(self.name)
        return widget


@stand_in
class qSlicerModuleManager(QtCore.QObject):
    """The modules by name."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)
    moduleUnloaded = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._modules = {}

    def module(self, name):
        return self._modules.get(name)

    def modulesNames(self):
        return tuple(self._modules)

    def factoryManager(self):
        return self

    def loadedModuleNames(self):
        return tuple(self._modules)

    def _add(self, name, module):
        self._modules[name] = module
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.moduleNames, name, name)
        self.moduleLoaded.emit(name)

    def _unload(self, name):
        self.moduleAboutToBeUnloaded.emit(name)
        del self._modules[name]
        self.moduleUnloaded.emit(name)


def load_scripted_module(path):
    """What the module factory does: import the file, make the module object, register it."""
    path = Path(path)
    name = path.stem
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = qSlicerScriptedLoadableModule(name, str(path))
    instance = getattr(importlib.import_module(name), name)(module)
    setattr(slicer.modules, f"{name}Instance", instance)
    slicer.app.moduleManager()._add(name, module)
    return module

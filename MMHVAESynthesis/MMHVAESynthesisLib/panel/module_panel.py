"""What the panels of both modules share: they show one set of parameters, and stay true to the scene."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from ..engine import Failure, Timer
from .parameter_connection import ParameterConnection
from .state_line import StateLine

#: Milliseconds after the last of many changes, before the panel looks at what they mean.
CALM = 50


class ModulePanel(ScriptedLoadableModuleWidget, VTKObservationMixin, ABC):  # type: ignore[misc,unused-ignore]
    """What Slicer shows for a module; methods named in its way are called by it.

    A subclass builds its parts in :meth:`setup`, between :meth:`begin_setup` and :meth:`end_setup`.

    Attributes:
        ui: the widgets of the Qt Designer file, by name.
        logic: of the module.
        users: parts with ``use(parameters)``, told of other parameters.
        closers: parts with ``close()``, ended with the panel.
    """

    logic: Any

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.users: tuple[Any, ...] = ()
        self.closers: tuple[Any, ...] = ()
        self._parameters: Any = None
        self._connection: ParameterConnection | None = None
        self._tag = 0
        self._is_closed = False

    def begin_setup(self, design: str) -> None:
        """Load the Qt Designer file ``design`` from the module's resources."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath(design))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self._timer = Timer(self.refresh, CALM)
        self._state = StateLine(self.ui)

    def end_setup(self) -> None:
        """All parts are there: listen to the scene, and show its parameters."""
        scene, kind = slicer.mrmlScene, slicer.vtkMRMLScene
        self.addObserver(scene, kind.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, kind.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, kind.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """The application is quitting, or the module is reloaded: then Slicer calls it once more than we do."""
        if self._is_closed:
            return
        self._is_closed = True
        self.setParameterNode(None)
        self.removeObservers()
        self._timer.stop()
        for part in self.closers:
            part.close()

    def reload(self, packages: Iterable[str]) -> None:
        """Load the module anew with these packages.

        They rather than reloaded one by one: no order of reloading leaves every file with the new classes.
        """
        forgotten = set(packages)
        for name in [name for name in sys.modules if name.split(".")[0] in forgotten]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def initializeParameterNode(self) -> None:  # noqa: N802 - Slicer's name
        """Take the scene's parameters, or new ones."""
        if self._parameters is None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: Any) -> None:  # noqa: N802 - Slicer's name
        """Show other parameters, or none (None) while there is no scene."""
        if self._parameters is not None and self._connection is not None:
            self._connection.close()
            self._parameters.parameterNode.RemoveObserver(self._tag)
        self._parameters = parameters
        if parameters is not None:
            self._connection = ParameterConnection(parameters, self.connected_widgets())
            # Not by Slicer's mixin, which would keep what it has observed once.
            self._tag = parameters.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.later)
        for part in self.users:
            part.use(parameters)
        self.refresh()

    @abstractmethod
    def connected_widgets(self) -> dict[str, Any]:
        """The widgets that Slicer's wrapper keeps equal to a parameter each."""

    def later(self, *_: Any) -> None:
        """Refresh once things are calm."""
        self._timer.start()

    def refresh(self) -> None:
        """Make the panel say what is."""
        self._timer.stop()
        if self._parameters is not None:
            self.show(self._parameters)

    @abstractmethod
    def show(self, parameters: Any) -> None:
        """Make every part say what is."""

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """There is a new scene, empty or loaded."""
        self._state.keep(None)
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """A scene, or a part of one, was loaded; it may have brought parameters along."""
        if self.parent.isEntered:
            self.setParameterNode(self.logic.getParameterNode())

    def warm_up(self) -> None:
        """Start the engine before the first run asks for it; what keeps it from starting, that run will tell."""
        try:
            self.logic.engine.start()
        except OSError:
            return

    def ready(self, model: str, device: str) -> str:
        """What the line of state says where nothing is wrong."""
        if self.logic.is_running:
            return _("Working; the rest of the program can be used meanwhile.")
        return _("Ready: {model}, {device}").format(model=model, device=device)

    def begun(self) -> None:
        """A run has begun."""
        self._state.keep(None)
        self.refresh()

    def failed(self, failure: Failure) -> None:
        """A run has failed."""
        self._state.keep(failure)
        self.refresh()

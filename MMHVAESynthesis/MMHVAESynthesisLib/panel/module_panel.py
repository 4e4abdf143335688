"""What the panels of both modules share: they show one set of parameters, and stay true to the scene."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from ..engine import Failure, Timer, ignore
from ..nodes import NodeWatch
from .parameter_connection import ParameterConnection
from .part import Installer, Part
from .setting_lists import SettingLists
from .state_line import StateLine

#: Milliseconds after the last of many changes, before the panel looks at what they mean.
CALM = 50


AnyPart = TypeVar("AnyPart", bound=Part)


class ModulePanel(ScriptedLoadableModuleWidget, VTKObservationMixin, ABC):  # type: ignore[misc,unused-ignore]
    """What Slicer shows for a module; methods named in its way are called by it.

    Attributes:
        design: the Qt Designer file among the module's resources.
        part_kinds: what the panel is made of, in the order in which it is refreshed.
        ui: the widgets of the Qt Designer file, by name.
        logic: of the module.
        parts: the parts, made of ``part_kinds``.
        problem: why the module's work cannot begin, in one sentence; "" where it can.
        missing: which packages have to be installed first, in one sentence; "" where none have.
    """

    design: str
    part_kinds: tuple[type[Part], ...]
    ui: Any
    logic: Any

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parts: list[Part] = []
        self.problem = self.missing = ""
        self._parameters: Any = None
        self._connection: ParameterConnection | None = None
        self._timer = Timer(self.refresh, CALM)
        self._watch = NodeWatch(self.node_changed)
        self._tag = 0
        self._has_unseen = False  # a run has ended while the user was in another module
        self._is_closed = False

    @abstractmethod
    def new_installer(
        self, on_progress: Callable[[float, str], None], on_failure: Callable[[Failure], None]
    ) -> Installer:
        """What installs the packages that are missing; who hears of it."""

    @abstractmethod
    def new_logic(self) -> Any:
        """The module's logic."""

    def setup(self) -> None:
        """Build the panel; called once."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath(self.design))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = self.new_logic()
        self._state = StateLine(self.ui)
        self.parts = [kind(self) for kind in self.part_kinds]
        self.ui.checkSetupButton.connect("clicked()", self.open_setup)
        self._observe_scene()
        self.initializeParameterNode()

    def _observe_scene(self) -> None:
        scene, kind = slicer.mrmlScene, slicer.vtkMRMLScene
        self.addObserver(scene, kind.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, kind.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, kind.EndImportEvent, self.onSceneEndImport)
        for event in (kind.NodeAddedEvent, kind.NodeRemovedEvent):
            self.addObserver(scene, event, self.later)

    @property
    def parameters(self) -> Any:
        """The parameters in use; None while there is no scene."""
        return self._parameters

    @property
    def is_open(self) -> bool:
        """Whether the user is in this module, rather than in another."""
        return bool(self.parent.isEntered)

    def part(self, kind: type[AnyPart]) -> AnyPart:
        """The part of that kind."""
        return next(part for part in self.parts if isinstance(part, kind))

    def enter(self) -> None:
        """The user opened the module."""
        self.initializeParameterNode()
        self.look_for_missing()
        for part in self.parts:
            part.enter()
        self.take_what_is_there()
        if self._has_unseen and self._parameters is not None:
            self._show_result(self.last_result())
        if not self.missing:
            self.warm_up()

    def take_what_is_there(self) -> None:
        """Choose what the scene has, where nothing was chosen yet."""
        if self._parameters is not None:
            for part in self.parts:
                part.take_what_is_there()
            self.refresh()

    def look_for_missing(self) -> None:
        """Look again whether packages are missing."""
        self.missing = self.new_installer(ignore, ignore).problem()

    def exit(self) -> None:
        """The user went to another module."""
        for part in self.parts:
            part.exit()

    def cleanup(self) -> None:
        """The application is quitting, or the module is reloaded: then Slicer calls it once more than we do."""
        if self._is_closed:
            return
        self._is_closed = True
        self.setParameterNode(None)
        self.removeObservers()
        self._timer.stop()
        self._watch.close()
        for part in self.parts:
            part.close()
        self.logic.close()

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
        self._parameters, self._has_unseen = parameters, False
        if parameters is not None:
            self._connection = ParameterConnection(parameters, self.connected_widgets())
            # Not by Slicer's mixin, which would keep what it has observed once.
            self._tag = parameters.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.later)
        for part in self.parts:
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

    def show(self, parameters: Any) -> None:
        """Make every part say what is."""
        self._watch.watch(node for node in self.nodes_in_use(parameters) if node is not None)
        self.problem = "" if self.logic.is_running else self.logic.problem(parameters)
        for part in self.parts:
            part.refresh()
        self._state.show(self.missing or self.problem, self.ready(), self.warnings(parameters))

    @abstractmethod
    def nodes_in_use(self, parameters: Any) -> Iterable[Any]:
        """The nodes whose changes the panel has to show; None among them are ignored."""

    @abstractmethod
    def warnings(self, parameters: Any) -> list[str]:
        """What the user should beware of, a sentence each."""

    @abstractmethod
    def open_setup(self) -> None:
        """Show what is installed, and what is missing."""

    def node_changed(self, caller: Any, event: Any) -> None:
        """One of the nodes in use has changed."""
        self.later()

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self._watch.close()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """There is a new scene, empty or loaded."""
        self._state.keep(None)
        if self.is_open:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """A scene, or a part of one, was loaded; it may have brought parameters along."""
        if self.is_open:
            self.setParameterNode(self.logic.getParameterNode())

    def warm_up(self) -> None:
        """Start the engine before the first run asks for it; what keeps it from starting, that run will tell."""
        try:
            self.logic.engine.start()
        except OSError:
            return

    def ready(self) -> str:
        """What the line of state says where nothing is wrong."""
        if self.logic.is_running:
            return _("Working; the rest of the program can be used meanwhile.")
        return _("Ready: {model}, {device}").format(model=self.model, device=self.part(SettingLists).device)

    @property
    def model(self) -> str:
        """The model that takes part, as shown."""
        return self.part(SettingLists).model

    def begun(self) -> None:
        """A run has begun."""
        self._state.keep(None)
        self.refresh()

    def done(self, result: Any) -> None:
        """A run has ended with a result, which has the attribute ``notice``."""
        self.refresh()
        self._has_unseen = not self.is_open  # then the views are somebody else's just now
        if self.is_open:
            self._show_result(result)
        if result.notice:
            slicer.util.showStatusMessage(result.notice, 5000)
        self.refresh()

    @abstractmethod
    def last_result(self) -> Any:
        """What the last run has brought, as far as it is still there; None where nothing is."""

    def _show_result(self, result: Any) -> None:
        self._has_unseen = False
        if result is not None:
            for part in self.parts:
                part.show_result(result)

    def failed(self, failure: Failure) -> None:
        """A run has failed."""
        self._state.keep(failure)
        self.look_for_missing()
        self.refresh()

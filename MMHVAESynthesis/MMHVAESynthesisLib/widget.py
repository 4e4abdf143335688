"""The synthesis panel: builds the widgets, wires them to the logic, and keeps them true to the scene."""

from __future__ import annotations

import sys
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from .advanced import Advanced
from .annotation import stop_annotating
from .inputs import Inputs
from .jobs import Failure
from .logic import MMHVAESynthesisLogic
from .look import Look
from .parameter_connection import ParameterConnection
from .parameters import SynthesisParameters
from .results import Results
from .run_section import RunSection
from .sections import Sections
from .shared_engine import close_shared_engine
from .state_line import StateLine

#: Milliseconds after the last of many changes, before the panel looks at what they mean.
CALM = 50
_INPUTS = ("us", "t2", "cet1", "flair", "sweepBrowser")
_INPUT_EVENTS = (
    vtk.vtkCommand.ModifiedEvent,
    slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
    slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
)


class MMHVAESynthesisWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """What Slicer shows for the module; methods named in its way are called by it."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameters: SynthesisParameters | None = None
        self._connection: ParameterConnection | None = None
        self._watched: list[Any] = []
        self._is_closed = False

    def setup(self) -> None:
        """Build the panel; called once."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MMHVAESynthesis.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MMHVAESynthesisLogic()
        self.logic.on_stale = self.later
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(CALM)
        self._timer.connect("timeout()", self.refresh)
        self._state = StateLine(self.ui)
        self._inputs = Inputs(self.ui)
        self._run = RunSection(self.ui, self.logic, self._begun, self._done, self._failed)
        self._look = Look(self.ui, self.logic)
        self._advanced = Advanced(self.ui, self.logic.engine, self.later)
        self._sections = Sections(self.ui, self.logic.engine, lambda: self._parameters, self.later)
        self.ui.checkSetupButton.connect("clicked()", self.open_setup)
        self._observe_scene()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """The application is quitting, or the module is reloaded: then Slicer calls it once more than we do."""
        if self._is_closed:
            return
        self._is_closed = True
        self.setParameterNode(None)
        self.removeObservers()
        self._timer.stop()
        for part in (self._look, self._advanced, self._sections, self.logic):
            part.close()

    def enter(self) -> None:
        """The user opened the module."""
        self.initializeParameterNode()
        self._inputs.guess()
        self._look.listen(True)
        self._warm_up()

    def exit(self) -> None:
        """The user went to another module."""
        self._look.listen(False)

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library and the core anew with the module; the engine process ends, and starts when needed."""
        self.cleanup()
        stop_annotating()
        close_shared_engine()
        # Forgotten rather than reloaded one by one: no order of reloading leaves every file with the new classes.
        for name in [name for name in sys.modules if name.split(".")[0] in ("mmhvae", "MMHVAESynthesisLib")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def initializeParameterNode(self) -> None:  # noqa: N802 - Slicer's name
        """Take the scene's parameters, or new ones."""
        if self._parameters is None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: SynthesisParameters | None) -> None:  # noqa: N802 - Slicer's name
        """Show other parameters, or none while there is no scene."""
        before, now = self._parameters, parameters
        if before is not None and self._connection is not None:
            self._connection.close()
            self.removeObserver(before, vtk.vtkCommand.ModifiedEvent, self.later)
        self._parameters = parameters
        if now is not None:
            self._connection = ParameterConnection(now, self._connected_widgets())
            self.addObserver(now, vtk.vtkCommand.ModifiedEvent, self.later)
        for part in (self._inputs, self._run, self._look, self._advanced):
            part.use(parameters)
        self.refresh()

    def _connected_widgets(self) -> dict[str, Any]:
        """The widgets that Slicer's wrapper keeps equal to a parameter each."""
        ui = self.ui
        return {
            "t2": ui.t2Selector,
            "cet1": ui.cet1Selector,
            "flair": ui.flairSelector,
            "synthesizeUs": ui.wantUsCheckBox,
            "synthesizeT2": ui.wantT2CheckBox,
            "synthesizeCet1": ui.wantCet1CheckBox,
            "synthesizeFlair": ui.wantFlairCheckBox,
            "uncertainty": ui.uncertaintyCheckBox,
            "samples": ui.samplesSpinBox,
            "temperature": ui.temperatureSpinBox,
            "seed": ui.seedSpinBox,
            "opacity": ui.opacitySlider,
        }

    def later(self, *_: Any) -> None:
        """Refresh once things are calm."""
        self._timer.start()

    def refresh(self) -> None:
        """Make the panel say what is."""
        self._timer.stop()
        parameters = self._parameters
        if parameters is None:
            return
        self._watch([node for node in (getattr(parameters, name) for name in _INPUTS) if node is not None])
        problem = "" if self.logic.is_running else self.logic.problem(parameters)
        self._inputs.refresh()
        self._run.refresh(problem)
        self._advanced.refresh()
        self._look.refresh()
        self._state.show(problem, self._ready(), self._warnings(parameters))

    def _ready(self) -> str:
        if self.logic.is_running:
            return _("Working; the rest of the program can be used meanwhile.")
        return _("Ready: {model}, {device}").format(model=self._advanced.model, device=self._advanced.device)

    def _warnings(self, parameters: SynthesisParameters) -> list[str]:
        stale = self.logic.stale(parameters)
        found = [_("Out of date: {reason}").format(reason=stale)] if stale else []
        return found + self._inputs.warnings() + self.logic.warnings(parameters)

    def _watch(self, nodes: list[Any]) -> None:
        """Hear of changes of these nodes and no others."""
        if nodes == self._watched:
            return
        for node in self._watched:
            for event in _INPUT_EVENTS:
                self.removeObserver(node, event, self.later)
        for node in nodes:
            for event in _INPUT_EVENTS:
                self.addObserver(node, event, self.later)
        self._watched = nodes

    def _observe_scene(self) -> None:
        scene, kind = slicer.mrmlScene, slicer.vtkMRMLScene
        self.addObserver(scene, kind.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, kind.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, kind.EndImportEvent, self.onSceneEndImport)
        self.addObserver(scene, kind.NodeRemovedEvent, self.later)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self._watch([])
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

    def _warm_up(self) -> None:
        """Start the engine ahead of the first Apply; what keeps it from starting, Apply will tell."""
        try:
            self.logic.engine.start()
        except OSError:
            return

    def _begun(self) -> None:
        self._state.keep(None)
        self.refresh()

    def _done(self, results: Results) -> None:
        self._look.show_new(results)
        if results.notice:
            slicer.util.showStatusMessage(results.notice, 5000)
        self.refresh()

    def _failed(self, failure: Failure) -> None:
        self._state.keep(failure)
        self.refresh()

    def open_setup(self) -> None:
        """Unfold the section Setup, and check; the registration module comes here, too."""
        self.ui.setupSection.collapsed = False
        self._sections.setup.check()

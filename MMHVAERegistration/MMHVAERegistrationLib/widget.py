"""The registration panel: builds the widgets, wires them to the logic, and keeps them true to the scene."""

from __future__ import annotations

import sys
from typing import Any

import qt
import slicer
import vtk
from MMHVAESynthesisLib.jobs import Failure
from MMHVAESynthesisLib.parameter_connection import ParameterConnection
from MMHVAESynthesisLib.state_line import StateLine
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from .advanced import Advanced
from .case import MR_NAMES, case_from
from .compare import Compare
from .inputs import CaseInputs
from .landmarks_panel import LandmarksPanel
from .logic import MMHVAERegistrationLogic
from .move_list import MoveList
from .moving_nodes import moving_nodes
from .node_watch import NodeWatch
from .outcome import FAILED, Outcome
from .parameters import RegistrationParameters
from .result_transform import find_result, follow_result, is_part, nodes_under, take_out
from .run_buttons import RunButtons
from .sections import Sections
from .start_panel import StartPanel
from .trust_card import TrustCard

#: Milliseconds after the last of many changes, before the panel looks at what they mean.
CALM = 50
#: Milliseconds after the handle was let go, before where it went is a step that can be undone.
LET_GO = 400
_OBSERVED = ("us", "sweepBrowser", *MR_NAMES, "usLandmarks", "mrLandmarks")


class MMHVAERegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """What Slicer shows for the module; methods named in its way are called by it."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameters: RegistrationParameters | None = None
        self._connection: ParameterConnection | None = None
        self._is_closed = False
        self._moving: list[Any] | None = None

    def setup(self) -> None:
        """Build the panel; called once."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MMHVAERegistration.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MMHVAERegistrationLogic()
        self._timer = self._new_timer(CALM, self.refresh)
        self._let_go = self._new_timer(LET_GO, self._handle_rests)
        self._watch = NodeWatch(self._node_changed)
        self._state = StateLine(self.ui)
        self._inputs = CaseInputs(self.ui)
        self._moves = MoveList(self.ui, self.refresh)
        self._run = RunButtons(self.ui, self.logic, self._begun, self._done, self._failed)
        self._card = TrustCard(self.ui, self.logic, self._pose_changed)
        self._compare = Compare(self.ui, self.logic)
        self._start = StartPanel(self.ui, self.logic, self._pose_changed)
        self._landmarks = LandmarksPanel(self.ui, self.logic)
        self._advanced = Advanced(self.ui, self.logic, self.later)
        self.sections = Sections(self.ui, self.logic, lambda: self._parameters, self.later)
        self.ui.checkSetupButton.connect("clicked()", open_setup)
        self._observe_scene()
        self.initializeParameterNode()

    @staticmethod
    def _new_timer(interval: int, slot: Any) -> Any:
        timer = qt.QTimer()
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.connect("timeout()", slot)
        return timer

    def cleanup(self) -> None:
        """The application is quitting, or the module is reloaded: then Slicer calls it once more than we do."""
        if self._is_closed:
            return
        self._is_closed = True
        self.setParameterNode(None)
        self.removeObservers()
        self._watch.watch([])
        for timer in (self._timer, self._let_go):
            timer.stop()
        for part in (self._compare, self._advanced, self.sections, self.logic):
            part.close()

    def enter(self) -> None:
        """The user opened the module."""
        self.initializeParameterNode()
        self._inputs.guess()
        self._compare.listen(True)
        self._warm_up()

    def exit(self) -> None:
        """The user went to another module."""
        self._compare.listen(False)

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library anew with the module; the core and the engine are the other module's to reload."""
        self.cleanup()
        # Forgotten rather than reloaded one by one: no order of reloading leaves every file with the new classes.
        for name in [name for name in sys.modules if name.split(".")[0] == "MMHVAERegistrationLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def initializeParameterNode(self) -> None:  # noqa: N802 - Slicer's name
        """Take the scene's parameters, or new ones."""
        if self._parameters is None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: RegistrationParameters | None) -> None:  # noqa: N802 - Slicer's name
        """Show other parameters, or none while there is no scene."""
        before, now = self._parameters, parameters
        if before is not None and self._connection is not None:
            self._connection.close()
            self.removeObserver(before, vtk.vtkCommand.ModifiedEvent, self.later)
        self._parameters, self._moving = parameters, None
        if now is not None:
            self._connection = ParameterConnection(now, self._connected_widgets())
            self.addObserver(now, vtk.vtkCommand.ModifiedEvent, self.later)
        parts = (
            self._inputs, self._moves, self._run, self._card, self._compare, self._start, self._landmarks,
            self._advanced,
        )  # fmt: skip
        for part in parts:
            part.use(parameters)
        self.refresh()

    def _connected_widgets(self) -> dict[str, Any]:
        """The widgets that Slicer's wrapper keeps equal to a parameter each."""
        ui = self.ui
        return {
            "t2": ui.t2Selector,
            "cet1": ui.cet1Selector,
            "flair": ui.flairSelector,
            "useT2": ui.useT2CheckBox,
            "useCet1": ui.useCet1CheckBox,
            "useFlair": ui.useFlairCheckBox,
            "samples": ui.samplesSpinBox,
            "prior": ui.priorCheckBox,
            "priorTranslation": ui.priorTranslationSpinBox,
            "priorRotation": ui.priorRotationSpinBox,
            "fade": ui.fadeSlider,
            "checkerboard": ui.checkerboardCheckBox,
            "outlines": ui.outlinesCheckBox,
            "usLandmarks": ui.usLandmarksSelector,
            "mrLandmarks": ui.mrLandmarksSelector,
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
        self._watch.watch(self._nodes_to_watch(parameters))
        self._place(parameters)
        self._lock()
        problem = "" if self.logic.is_running else self.logic.problem(parameters)
        self._inputs.refresh()
        self._moves.refresh()
        self._run.refresh(problem)
        self._card.refresh()
        self._start.refresh(problem)
        self._advanced.refresh()
        self._landmarks.refresh()
        self._compare.refresh()
        self.sections.refresh()
        self._state.show(problem, self._ready(parameters), self._warnings(parameters))

    def _lock(self) -> None:
        """While a registration runs, its images stay chosen: what it finds moves them and no others."""
        running = self.logic.is_running
        for part in (self.ui.inputsBox, self.ui.movesList, self.ui.movesLabel):
            part.setEnabled(not running)
        self.ui.inputsBox.setToolTip(_("A registration of these images is running.") if running else "")

    def _place(self, parameters: RegistrationParameters) -> None:
        """What the user has just chosen or ticked goes under the result, and what was unticked comes out of it."""
        if self.logic.is_running:
            return
        moving = moving_nodes(parameters)
        if moving != self._moving:
            self._moving = moving
            for problem in self.logic.place(parameters):
                slicer.util.showStatusMessage(problem, 5000)

    def _ready(self, parameters: RegistrationParameters) -> str:
        if self.logic.is_running:
            return _("Working; the rest of the program can be used meanwhile.")
        model, device = self.ui.bundleSelector.currentText, self.ui.deviceSelector.currentText
        if case_from(parameters).method == "direct":
            model = _("no model (LC2)")
        return _("Ready: {model}, {device}").format(model=model, device=device)

    def _warnings(self, parameters: RegistrationParameters) -> list[str]:
        why, stale = case_from(parameters).why_direct, self.logic.stale
        direct = _("No model takes part, the ultrasound is registered directly: {reason}").format(reason=why)
        return ([_("Out of date: {reason}").format(reason=stale)] if stale else []) + ([direct] if why else [])

    def _nodes_to_watch(self, parameters: RegistrationParameters) -> list[Any]:
        nodes = [getattr(parameters, name) for name in _OBSERVED] + [find_result()]
        return list(dict.fromkeys(node for node in nodes if node is not None))

    def _node_changed(self, caller: Any, event: Any) -> None:
        if caller is find_result() and not self.logic.is_before:
            follow_result(caller)  # the handle moves the result alone
            self._let_go.start()
        self.later()

    def _handle_rests(self) -> None:
        self.logic.settle()
        self.later()

    def _pose_changed(self) -> None:
        self.refresh()

    def _observe_scene(self) -> None:
        scene, kind = slicer.mrmlScene, slicer.vtkMRMLScene
        self.addObserver(scene, kind.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, kind.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, kind.EndImportEvent, self.onSceneEndImport)
        self.addObserver(scene, kind.NodeAboutToBeRemovedEvent, self.onNodeAboutToBeRemoved)
        for event in (kind.NodeAddedEvent, kind.NodeRemovedEvent):
            self.addObserver(scene, event, self.later)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator,unused-ignore]
    def onNodeAboutToBeRemoved(self, caller: Any, event: Any, node: Any) -> None:  # noqa: N802 - Slicer's name
        """Somebody deletes the result: what lay under it goes back under its own parents, not into the world."""
        if is_part(node) and not slicer.mrmlScene.IsClosing():
            for lower in nodes_under(node):
                take_out(lower)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self._watch.watch([])
        self.logic.pending, self.logic.is_before = None, False
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """There is a new scene, empty or loaded."""
        self._state.keep(None)
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """A scene, or a part of one, was loaded; it may have brought parameters and a result along."""
        self.logic.settle()  # a file has lost some digits
        if self.parent.isEntered:
            self.setParameterNode(self.logic.getParameterNode())

    def _warm_up(self) -> None:
        """Start the engine ahead of the first Register; what keeps it from starting, Register will tell."""
        try:
            self.logic.engine.start()
        except OSError:
            return

    def _begun(self) -> None:
        self._state.keep(None)
        self.refresh()

    def _done(self, outcome: Outcome) -> None:
        self.refresh()
        if outcome.verdict != FAILED:
            self._compare.show_new()
        if outcome.notice:
            slicer.util.showStatusMessage(outcome.notice, 5000)

    def _failed(self, failure: Failure) -> None:
        self._state.keep(failure)
        self.refresh()


def open_setup() -> None:
    """Go to the section Setup of the synthesis module, which looks after both."""
    if getattr(slicer.modules, "mmhvaesynthesis", None) is None:
        text = _("MMHVAE Synthesis is not loaded; add its folder in Edit > Application Settings > Modules.")
        slicer.util.errorDisplay(text)
        return
    slicer.util.selectModule("MMHVAESynthesis")
    slicer.util.getModuleWidget("MMHVAESynthesis").open_setup()

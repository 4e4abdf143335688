"""The registration panel: builds the widgets, wires them to the logic, and keeps them true to the scene."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from MMHVAESynthesisLib.engine import Timer
from MMHVAESynthesisLib.nodes import NodeWatch
from MMHVAESynthesisLib.panel import ModulePanel
from slicer.i18n import tr as _

from .case import MR_NAMES, case_from, moving_nodes
from .compare import Compare
from .folded_sections import Sections
from .logic import MMHVAERegistrationLogic
from .panel import Advanced, CaseInputs, LandmarksPanel, MoveList, RunButtons, StartPanel, TrustCard
from .parameters import RegistrationParameters
from .pose import FAILED, Outcome, find_result, follow_result, is_part, nodes_under, take_out

#: Milliseconds after the handle was let go, before where it went is a step that can be undone.
LET_GO = 400
_OBSERVED = ("us", "sweepBrowser", *MR_NAMES, "usLandmarks", "mrLandmarks")


class MMHVAERegistrationWidget(ModulePanel):
    """What Slicer shows for the module; methods named in its way are called by it."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._moving: list[Any] | None = None

    def setup(self) -> None:
        """Build the panel; called once."""
        self.begin_setup("UI/MMHVAERegistration.ui")
        self.logic = MMHVAERegistrationLogic()
        self._let_go = Timer(self._handle_rests, LET_GO)
        self._watch = NodeWatch(self._node_changed)
        self._inputs = CaseInputs(self.ui)
        self._moves = MoveList(self.ui, self.refresh)
        self._run = RunButtons(self.ui, self.logic, self.begun, self._done, self.failed)
        self._card = TrustCard(self.ui, self.logic, self.refresh)
        self._compare = Compare(self.ui, self.logic)
        self._start = StartPanel(self.ui, self.logic, self.refresh)
        self._landmarks = LandmarksPanel(self.ui, self.logic)
        self._advanced = Advanced(self.ui, self.logic, self.later)
        self.sections = Sections(self.ui, self.logic, lambda: self._parameters, self.later)
        self.users = (
            self._inputs, self._moves, self._run, self._card, self._compare, self._start, self._landmarks,
            self._advanced,
        )  # fmt: skip
        self.closers = (self._compare, self._advanced, self.sections, self.logic)
        self.ui.checkSetupButton.connect("clicked()", open_setup)
        self._observe_nodes()
        self.end_setup()

    def cleanup(self) -> None:
        """The application is quitting, or the module is reloaded."""
        self._watch.close()
        self._let_go.stop()
        super().cleanup()

    def enter(self) -> None:
        """The user opened the module."""
        self.initializeParameterNode()
        self._inputs.guess()
        self._compare.listen(True)
        self.warm_up()

    def exit(self) -> None:
        """The user went to another module."""
        self._compare.listen(False)

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library anew with the module; the core and the engine are the other module's to reload."""
        self.cleanup()
        self.reload(["MMHVAERegistrationLib"])

    def setParameterNode(self, parameters: RegistrationParameters | None) -> None:  # noqa: N802 - Slicer's name
        """Show other parameters, or none while there is no scene."""
        self._moving = None
        super().setParameterNode(parameters)

    def connected_widgets(self) -> dict[str, Any]:
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

    def show(self, parameters: RegistrationParameters) -> None:
        """Make every part say what is."""
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
        direct = case_from(parameters).method == "direct"
        model = _("no model (LC2)") if direct else self.ui.bundleSelector.currentText
        return self.ready(model, self.ui.deviceSelector.currentText)

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

    def _observe_nodes(self) -> None:
        scene, kind = slicer.mrmlScene, slicer.vtkMRMLScene
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
        self._watch.close()
        self.logic.pending, self.logic.is_before = None, False
        super().onSceneStartClose(caller, event)

    def onSceneEndImport(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """A scene, or a part of one, was loaded; it may have brought parameters and a result along."""
        self.logic.settle()  # a file has lost some digits
        super().onSceneEndImport(caller, event)

    def _done(self, outcome: Outcome) -> None:
        self.refresh()
        if outcome.verdict != FAILED:
            self._compare.show_new()
        if outcome.notice:
            slicer.util.showStatusMessage(outcome.notice, 5000)


def open_setup() -> None:
    """Go to the section Setup of the synthesis module, which looks after both."""
    if getattr(slicer.modules, "mmhvaesynthesis", None) is None:
        text = _("MMHVAE Synthesis is not loaded; add its folder in Edit > Application Settings > Modules.")
        slicer.util.errorDisplay(text)
        return
    slicer.util.selectModule("MMHVAESynthesis")
    slicer.util.getModuleWidget("MMHVAESynthesis").open_setup()

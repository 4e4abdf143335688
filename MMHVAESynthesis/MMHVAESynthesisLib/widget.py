"""The synthesis panel: builds the widgets, wires them to the logic, and keeps them true to the scene."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from .engine import close_shared_engine
from .folded_sections import Sections
from .logic import MMHVAESynthesisLogic
from .nodes import NodeWatch
from .panel import Advanced, Inputs, Look, ModulePanel, RunSection
from .parameters import SynthesisParameters
from .synthesis import Results
from .views import stop_annotating

_INPUTS = ("us", "t2", "cet1", "flair", "sweepBrowser")


class MMHVAESynthesisWidget(ModulePanel):
    """What Slicer shows for the module; methods named in its way are called by it."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._watch = NodeWatch(self.later)

    def setup(self) -> None:
        """Build the panel; called once."""
        self.begin_setup("UI/MMHVAESynthesis.ui")
        self.logic = MMHVAESynthesisLogic()
        self.logic.on_stale = self.later
        self._inputs = Inputs(self.ui)
        self._run = RunSection(self.ui, self.logic, self.begun, self._done, self.failed)
        self._look = Look(self.ui, self.logic)
        self._advanced = Advanced(self.ui, self.logic.engine, self.later)
        self._sections = Sections(self.ui, self.logic.engine, lambda: self._parameters, self.later)
        self.users = (self._inputs, self._run, self._look, self._advanced)
        self.closers = (self._look, self._advanced, self._sections, self.logic)
        self.ui.checkSetupButton.connect("clicked()", self.open_setup)
        self.addObserver(slicer.mrmlScene, slicer.vtkMRMLScene.NodeRemovedEvent, self.later)
        self.end_setup()

    def enter(self) -> None:
        """The user opened the module."""
        self.initializeParameterNode()
        self._inputs.guess()
        self._look.listen(True)
        self.warm_up()

    def exit(self) -> None:
        """The user went to another module."""
        self._look.listen(False)

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library and the core anew with the module; the engine process ends, and starts when needed."""
        self.cleanup()
        stop_annotating()
        close_shared_engine()
        self.reload(["mmhvae", "MMHVAESynthesisLib"])

    def connected_widgets(self) -> dict[str, Any]:
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

    def show(self, parameters: SynthesisParameters) -> None:
        """Make every part say what is."""
        self._watch.watch(node for node in (getattr(parameters, name) for name in _INPUTS) if node is not None)
        problem = "" if self.logic.is_running else self.logic.problem(parameters)
        self._inputs.refresh()
        self._run.refresh(problem)
        self._advanced.refresh()
        self._look.refresh()
        ready = self.ready(self._advanced.model, self._advanced.device)
        self._state.show(problem, ready, self._warnings(parameters))

    def _warnings(self, parameters: SynthesisParameters) -> list[str]:
        stale = self.logic.stale(parameters)
        found = [_("Out of date: {reason}").format(reason=stale)] if stale else []
        return found + self._inputs.warnings() + self.logic.warnings(parameters)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self._watch.close()
        super().onSceneStartClose(caller, event)

    def _done(self, results: Results) -> None:
        self._look.show_new(results)
        if results.notice:
            slicer.util.showStatusMessage(results.notice, 5000)
        self.refresh()

    def open_setup(self) -> None:
        """Unfold the section Setup, and check; the registration module comes here, too."""
        self.ui.setupSection.collapsed = False
        self._sections.setup.check()

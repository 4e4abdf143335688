"""The registration panel: which parts it has, and what becomes of the result's handle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer
import vtk
from MMHVAESynthesisLib.demo_button import DemoButton
from MMHVAESynthesisLib.engine import Failure, Timer
from MMHVAESynthesisLib.panel import ModulePanel, NiftiFormRows, UnfoldedSections
from MMHVAESynthesisLib.setup import PackageInstaller
from slicer.i18n import tr as _

from .case import MR_NAMES, case_from, mrs_left_behind, warning_of_mixed
from .compare import Comparison
from .folded_panels import FoldedPanels
from .logic import MMHVAERegistrationLogic
from .outline import OutlineSection, UltrasoundOutlineSection
from .panel import (
    CaseInputRows,
    LandmarkPlacing,
    LandmarksPanel,
    MoveList,
    RegionRow,
    RegisterSection,
    RegistrationLists,
    StartPanel,
    TrustCard,
)
from .parameters import RegistrationParameters
from .pose import Outcome, find_result, follow_result, is_part, let_go, remove_orphans

#: Milliseconds after the handle was let go, before where it went is a step that can be undone.
LET_GO = 400
_OBSERVED = ("us", "sweepBrowser", *MR_NAMES, "usLandmarks", "mrLandmarks", "regionBox", "regionSegments")


class MMHVAERegistrationWidget(ModulePanel):
    """What Slicer shows for the module; methods named in its way are called by it."""

    design = "UI/MMHVAERegistration.ui"
    part_kinds = (
        DemoButton,
        MoveList,
        OutlineSection,
        UltrasoundOutlineSection,
        CaseInputRows,
        NiftiFormRows,
        RegisterSection,
        TrustCard,
        StartPanel,
        RegistrationLists,
        RegionRow,
        LandmarkPlacing,
        LandmarksPanel,
        Comparison,
        UnfoldedSections,
        FoldedPanels,
    )

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._let_go = Timer(self._handle_rests, LET_GO)

    def new_logic(self) -> MMHVAERegistrationLogic:
        """See :meth:`.ModulePanel.new_logic`."""
        return MMHVAERegistrationLogic()

    def new_installer(
        self, on_progress: Callable[[float, str], None], on_failure: Callable[[Failure], None]
    ) -> PackageInstaller:
        """See :meth:`.ModulePanel.new_installer`."""
        return PackageInstaller(self.logic.engine, on_progress, on_failure)

    def setup(self) -> None:
        """Build the panel; called once."""
        about_to_go = slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent
        self.addObserver(slicer.mrmlScene, about_to_go, self.onNodeAboutToBeRemoved)
        remove_orphans()
        super().setup()

    def cleanup(self) -> None:
        """See :meth:`.ModulePanel.cleanup`."""
        self._let_go.stop()
        super().cleanup()

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library anew with the module; the core and the engine are the other module's to reload."""
        self.cleanup()
        self.reload(["MMHVAERegistrationLib"])

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
            "surfaces": ui.surfacesCheckBox,
            "usLandmarks": ui.usLandmarksSelector,
            "mrLandmarks": ui.mrLandmarksSelector,
        }

    @property
    def model(self) -> str:
        """See :meth:`.ModulePanel.model`."""
        direct = case_from(self.parameters).is_direct
        return _("no model (LC2)") if direct else super().model

    def warnings(self, parameters: RegistrationParameters) -> list[str]:
        """See :meth:`.ModulePanel.warnings`."""
        case, stale = case_from(parameters), self.logic.stale
        direct = _("No model takes part, the ultrasound is registered directly: {reason}")
        found = [
            _("Out of date: {reason}").format(reason=stale) if stale else "",
            direct.format(reason=case.why_direct) if case.why_direct else "",
            warning_of_mixed(case),
            mrs_left_behind(parameters) if not self.problem else "",
        ]
        return [warning for warning in found if warning]

    def last_result(self) -> Outcome | None:
        """See :meth:`.ModulePanel.last_result`."""
        outcome: Outcome | None = self.logic.pending or self.logic.outcome
        return outcome

    def nodes_in_use(self, parameters: RegistrationParameters) -> Iterable[Any]:
        """What is registered, what is measured, and the result."""
        return [*(getattr(parameters, name) for name in _OBSERVED), find_result()]

    def node_changed(self, caller: Any, event: Any) -> None:
        """See :meth:`.ModulePanel.node_changed`."""
        if caller is find_result() and not self.logic.is_before:
            follow_result(caller)  # the handle moves the result alone
            self._let_go.start()
        self.later()

    def _handle_rests(self) -> None:
        self.logic.settle()
        self.later()

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator,unused-ignore]
    def onNodeAboutToBeRemoved(self, caller: Any, event: Any, node: Any) -> None:  # noqa: N802 - Slicer's name
        """Somebody deletes the result: what lay under it goes back under its own parents, not into the world."""
        if is_part(node) and not slicer.mrmlScene.IsClosing():
            let_go(node)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """The nodes are about to go."""
        self.logic.pending, self.logic.is_before = None, False
        super().onSceneStartClose(caller, event)

    def onSceneEndImport(self, caller: Any, event: Any) -> None:  # noqa: N802 - Slicer's name
        """A scene, or a part of one, was loaded; it may have brought parameters and a result along."""
        remove_orphans()
        self.logic.settle()  # a file has lost some digits
        super().onSceneEndImport(caller, event)

    def open_setup(self) -> None:
        """Go to the section Setup of the synthesis module, which looks after both."""
        if getattr(slicer.modules, "mmhvaesynthesis", None) is None:
            text = _("MMHVAE Synthesis is not loaded; add its folder in Edit > Application Settings > Modules.")
            slicer.util.errorDisplay(text)
            return
        slicer.util.selectModule("MMHVAESynthesis")
        slicer.util.getModuleWidget("MMHVAESynthesis").open_setup()

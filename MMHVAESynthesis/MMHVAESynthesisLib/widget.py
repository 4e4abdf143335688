"""The synthesis panel: which parts it has, and what it says of their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from slicer.i18n import tr as _

from .demo_button import DemoButton
from .engine import Failure
from .folded_panels import FoldedPanels
from .logic import MMHVAESynthesisLogic
from .panel import (
    ApplySection,
    InputRows,
    ModulePanel,
    NiftiFormRows,
    ResultDisplay,
    SynthesisLists,
    UnfoldedSections,
)
from .parameters import SynthesisParameters
from .setup import PackageInstaller
from .synthesis import Results
from .views import stop_annotating

_INPUTS = ("us", "t2", "cet1", "flair", "sweepBrowser")


class MMHVAESynthesisWidget(ModulePanel):
    """What Slicer shows for the module; methods named in its way are called by it."""

    design = "UI/MMHVAESynthesis.ui"
    part_kinds = (
        DemoButton,
        InputRows,
        NiftiFormRows,
        ApplySection,
        SynthesisLists,
        ResultDisplay,
        UnfoldedSections,
        FoldedPanels,
    )

    def new_logic(self) -> MMHVAESynthesisLogic:
        """See :meth:`.ModulePanel.new_logic`."""
        logic = MMHVAESynthesisLogic()
        logic.on_stale = self.later
        return logic

    def new_installer(
        self, on_progress: Callable[[float, str], None], on_failure: Callable[[Failure], None]
    ) -> PackageInstaller:
        """See :meth:`.ModulePanel.new_installer`."""
        return PackageInstaller(self.logic.engine, on_progress, on_failure)

    def onReload(self) -> None:  # noqa: N802 - Slicer's name
        """Load the library and the core anew with the module; the engine process ends, and starts when needed."""
        self.cleanup()
        stop_annotating()
        self.logic.engine.close()
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
            "keepsEarlier": ui.keepsEarlierCheckBox,
            "opacity": ui.opacitySlider,
        }

    def nodes_in_use(self, parameters: SynthesisParameters) -> Iterable[Any]:
        """The inputs."""
        return [getattr(parameters, name) for name in _INPUTS]

    def warnings(self, parameters: SynthesisParameters) -> list[str]:
        """See :meth:`.ModulePanel.warnings`."""
        stale = self.logic.stale(parameters)
        found = [_("Out of date: {reason}").format(reason=stale)] if stale else []
        return found + self.part(InputRows).warnings() + self.logic.warnings(parameters)

    def last_result(self) -> Results | None:
        """See :meth:`.ModulePanel.last_result`."""
        results: Results = self.logic.results(self.parameters)
        return results if results.nodes else None

    def open_setup(self) -> None:
        """Unfold the section Setup, and check; the registration module comes here, too."""
        self.part(FoldedPanels).open_setup()

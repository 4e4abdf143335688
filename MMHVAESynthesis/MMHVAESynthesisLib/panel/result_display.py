"""The box "Look": which result lies over the ultrasound, how much of it, and how uncertain it is."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

from ..parameters import SynthesisParameters
from ..synthesis import Results
from ..views import COLOURS, CONTOURS, OFF, FadeKey, show_results
from .part import Part, Whole


class ResultDisplay(Part):
    """Keeps the slice views, the widgets and the parameters together.

    Nothing is shown before the user asks for it: by Apply, or by touching one of these widgets.
    """

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui = self.ui
        self._results = Results()
        self._opacity = -1.0
        self._shows = {
            "us": ui.showUsButton,
            "t2": ui.showT2Button,
            "cet1": ui.showCet1Button,
            "flair": ui.showFlairButton,
        }
        self._uncertainty = {
            OFF: ui.uncertaintyOffButton,
            CONTOURS: ui.uncertaintyContoursButton,
            COLOURS: ui.uncertaintyColoursButton,
        }
        # Buttons of one parent would exclude each other across the two rows.
        self._groups = [self._group(self._shows, "shown"), self._group(self._uncertainty, "uncertaintyDisplay")]
        self._key = FadeKey(lambda: bool(self._results.images), self._fade)

    def _group(self, buttons: dict[str, Any], name: str) -> Any:
        group = qt.QButtonGroup(self.ui.lookBox)
        for value, button in buttons.items():
            group.addButton(button)
            button.connect("clicked()", lambda value=value: self._choose(name, value))
        return group

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        self._results = Results()
        self._opacity = parameters.opacity if parameters is not None else -1.0

    def refresh(self) -> None:
        """Offer what there is; what is shown follows the slider."""
        parameters = self._parameters
        self._results = self.logic.results(parameters)
        self._offer(parameters)
        if parameters.opacity != self._opacity:
            self._opacity = parameters.opacity
            self._show()

    def _offer(self, parameters: SynthesisParameters) -> None:
        for name, button in self._shows.items():
            there = name in self._results.images or (name == "us" and bool(self._results.nodes))
            button.setEnabled(there)
            button.setToolTip(_show_tip(name, there))
        self._shows[parameters.shown].setChecked(True)
        self._uncertainty[parameters.uncertaintyDisplay].setChecked(True)
        has_uncertainty = parameters.shown in self._results.uncertainty
        for button in self._uncertainty.values():
            button.setEnabled(has_uncertainty)
        self.ui.uncertaintyLabel.setToolTip(
            "" if has_uncertainty else _("The result that is shown has no uncertainty; tick it, and press Apply.")
        )
        self.ui.opacitySlider.setEnabled(bool(self._results.images))

    def show_result(self, results: Results) -> None:
        """Show what an Apply has just made: the contrast that is chosen, or else the first."""
        parameters = self._parameters
        if parameters is None:
            return
        self._results = results
        if parameters.shown not in results.images and results.images:
            parameters.shown = next(iter(results.images))
        self._show()
        slicer.util.resetSliceViews()

    def _choose(self, name: str, value: str) -> None:
        if self._parameters is not None:
            setattr(self._parameters, name, value)
            self._results = self.logic.results(self._parameters)
            self._show()
            self._offer(self._parameters)

    def _show(self, is_faded: bool = False) -> None:
        parameters = self._parameters
        if parameters is not None:
            which = "us" if is_faded else parameters.shown
            uncertainty = OFF if is_faded else parameters.uncertaintyDisplay
            show_results(self._results, which, parameters.opacity, uncertainty)

    def _fade(self, is_faded: bool) -> None:
        self._show(is_faded)


def _show_tip(name: str, there: bool) -> str:
    if not there:
        return _("There is no synthetic {contrast} yet; tick it above, and press Apply.").format(
            contrast=MODALITIES[name].name
        )
    if name == "us":
        return _("Show the ultrasound alone.")
    return _("Show the synthetic {contrast} over the ultrasound.").format(contrast=MODALITIES[name].name)

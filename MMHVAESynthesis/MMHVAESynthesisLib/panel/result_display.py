"""The panel's part "Look": which result lies over the ultrasound, how much of it, and how uncertain it is."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

from ..logic import MMHVAESynthesisLogic
from ..parameters import SynthesisParameters
from ..synthesis import Results
from ..views import COLOURS, CONTOURS, OFF, FadeKey, show_results


class Look:
    """Keeps the slice views, the widgets and the parameters together.

    Nothing is shown before the user asks for it: by Apply, or by touching one of these widgets.

    Args:
        ui: the panel's widgets by their names.
        logic: finds the results.
    """

    def __init__(self, ui: Any, logic: MMHVAESynthesisLogic) -> None:
        self._ui, self._logic = ui, logic
        self._parameters: SynthesisParameters | None = None
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
        self._fade_key = FadeKey(lambda: bool(self._results.images), self._fade)

    def _group(self, buttons: dict[str, Any], name: str) -> Any:
        group = qt.QButtonGroup(self._ui.lookBox)
        for value, button in buttons.items():
            group.addButton(button)
            button.connect("clicked()", lambda value=value: self._choose(name, value))
        return group

    def use(self, parameters: SynthesisParameters | None) -> None:
        """Work on other parameters, or on none while there is no scene."""
        self._parameters, self._results = parameters, Results()
        self._opacity = parameters.opacity if parameters is not None else -1.0

    def listen(self, is_on: bool) -> None:
        """Whether the key for fading is heard: only while the panel is open."""
        self._fade_key.listen(is_on)

    def close(self) -> None:
        """The panel is going."""
        self._fade_key.listen(False)

    def refresh(self) -> None:
        """Offer what there is; what is shown follows the slider."""
        parameters = self._parameters
        if parameters is None:
            return
        self._results = self._logic.results(parameters)
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
        self._ui.uncertaintyLabel.setToolTip(
            "" if has_uncertainty else _("The result that is shown has no uncertainty; tick it, and press Apply.")
        )
        self._ui.opacitySlider.setEnabled(bool(self._results.images))

    def show_new(self, results: Results) -> None:
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
            self._results = self._logic.results(self._parameters)
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

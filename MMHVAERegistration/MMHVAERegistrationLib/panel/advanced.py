"""The folded settings that are lists: method, model, device. Slicer's own wrapper looks after the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmhvae.bundle import WeightsStore
from MMHVAESynthesisLib.engine import Readiness
from MMHVAESynthesisLib.panel import fill, select
from slicer.i18n import tr as _

from ..case import DIRECT, SYNTHETIC
from ..logic import MMHVAERegistrationLogic
from ..parameters import RegistrationParameters


class Advanced:
    """Keeps the lists and the parameters together.

    Args:
        ui: the panel's widgets by their names.
        logic: its engine knows the devices once it has started.
        on_engine_ready: called then.
    """

    def __init__(self, ui: Any, logic: MMHVAERegistrationLogic, on_engine_ready: Callable[[], None]) -> None:
        self._ui, self._engine = ui, logic.engine
        self._parameters: RegistrationParameters | None = None
        self._listener: Callable[[Readiness], None] = lambda readiness: on_engine_ready()
        self._engine.add_ready_listener(self._listener)
        self._selectors = {
            "method": ui.methodSelector, "bundle": ui.bundleSelector, "device": ui.deviceSelector,
        }  # fmt: skip
        for name, selector in self._selectors.items():
            selector.connect("activated(int)", lambda index, name=name: self._choose(name, index))
        fill(ui.methodSelector, [(_("through synthetic MR"), SYNTHETIC), (_("directly to the ultrasound"), DIRECT)])

    def close(self) -> None:
        """The panel is going."""
        self._engine.remove_ready_listener(self._listener)

    def use(self, parameters: RegistrationParameters | None) -> None:
        """Work on other parameters, or on none while there is no scene."""
        self._parameters = parameters

    def refresh(self) -> None:
        """Show what is installed, what the engine found, and what the parameters say."""
        parameters = self._parameters
        if parameters is None:
            return
        fill(self._ui.bundleSelector, [(bundle.title, bundle.name) for bundle in WeightsStore().installed()])
        devices = [(_("automatic"), "auto")]
        if self._engine.readiness is not None:
            devices += [(label, name) for name, label in self._engine.readiness.devices]
        fill(self._ui.deviceSelector, devices)
        for name, selector in self._selectors.items():
            select(selector, getattr(parameters, name))
        for box in (self._ui.priorTranslationSpinBox, self._ui.priorRotationSpinBox):
            box.setEnabled(parameters.prior)

    def _choose(self, name: str, index: int) -> None:
        if self._parameters is not None:
            setattr(self._parameters, name, self._selectors[name].itemData(index))

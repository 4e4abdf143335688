"""The folded settings that are lists: model, device, slice axis. Slicer's own wrapper looks after the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmhvae.bundle import WeightsStore
from slicer.i18n import tr as _

from ..engine import Engine, Readiness
from ..parameters import SynthesisParameters


class Advanced:
    """Keeps the lists and the parameters together.

    Args:
        ui: the panel's widgets by their names.
        engine: knows its devices once it has started.
        on_engine_ready: called then.
    """

    def __init__(self, ui: Any, engine: Engine, on_engine_ready: Callable[[], None]) -> None:
        self._ui, self._engine = ui, engine
        self._parameters: SynthesisParameters | None = None
        self._listener: Callable[[Readiness], None] = lambda readiness: on_engine_ready()
        engine.add_ready_listener(self._listener)
        for selector, name in self._selectors():
            selector.connect("activated(int)", lambda index, name=name: self._choose(name, index))
        fill(ui.sliceAxisSelector, [
            (_("as the model was trained"), ""), (_("first axis"), "0"), (_("second axis"), "1"),
            (_("third axis"), "2"), (_("all three, pooled"), "all"),
        ])  # fmt: skip

    def _selectors(self) -> list[tuple[Any, str]]:
        ui = self._ui
        return [(ui.bundleSelector, "bundle"), (ui.deviceSelector, "device"), (ui.sliceAxisSelector, "sliceAxis")]

    @property
    def model(self) -> str:
        """The chosen model, as shown."""
        return str(self._ui.bundleSelector.currentText)

    @property
    def device(self) -> str:
        """The chosen device, as shown; for "automatic" what that is, once it is known."""
        readiness = self._engine.readiness
        if self._parameters is not None and self._parameters.device == "auto" and readiness is not None:
            labels = dict(readiness.devices)
            return labels.get("cuda:0", labels["cpu"])  # see mmhvae.compute.devices.choose_device
        return str(self._ui.deviceSelector.currentText)

    def close(self) -> None:
        """The panel is going."""
        self._engine.remove_ready_listener(self._listener)

    def use(self, parameters: SynthesisParameters | None) -> None:
        """Work on other parameters, or on none while there is no scene."""
        self._parameters = parameters

    def refresh(self) -> None:
        """Show what is installed, what the engine found, and what the parameters say."""
        if self._parameters is None:
            return
        fill(self._ui.bundleSelector, [(bundle.title, bundle.name) for bundle in WeightsStore().installed()])
        devices = [(_("automatic"), "auto")]
        if self._engine.readiness is not None:
            devices += [(label, name) for name, label in self._engine.readiness.devices]
        fill(self._ui.deviceSelector, devices)
        for selector, name in self._selectors():
            select(selector, getattr(self._parameters, name))

    def _choose(self, name: str, index: int) -> None:
        if self._parameters is not None:
            selector = {name: selector for selector, name in self._selectors()}[name]
            setattr(self._parameters, name, selector.itemData(index))


def fill(selector: Any, entries: list[tuple[str, str]]) -> None:
    """Put (text, value) pairs into a combo box, if they are not there."""
    present = [(selector.itemText(index), selector.itemData(index)) for index in range(selector.count)]
    if present != entries:
        selector.clear()
        for text, value in entries:
            selector.addItem(text, value)


def select(selector: Any, value: str) -> None:
    """Show ``value``; what a scene brought along and this machine lacks is shown by its name."""
    index = selector.findData(value)
    if index < 0:
        selector.addItem(_("{name} (not here)").format(name=value), value)
        index = selector.count - 1
    selector.setCurrentIndex(index)

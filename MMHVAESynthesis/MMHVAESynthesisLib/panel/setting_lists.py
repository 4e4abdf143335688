"""Settings that are chosen from lists: model, device, and what a module has beside them."""

from __future__ import annotations

from typing import Any

from mmhvae.bundle import WeightsStore
from slicer.i18n import tr as _

from .part import Part, Whole

#: Texts with the value that each stands for.
Entries = list[tuple[str, str]]


class SettingLists(Part):
    """Keeps the lists and the parameters together; Slicer's own wrapper looks after numbers and ticks."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._selectors = {"bundle": self.ui.bundleSelector, "device": self.ui.deviceSelector}
        for name, (selector, entries) in self.further().items():
            self._selectors[name] = selector
            fill(selector, entries)
        for name, selector in self._selectors.items():
            selector.connect("activated(int)", lambda index, name=name: self._choose(name, index))
        self.logic.engine.add_ready_listener(panel.later)

    def further(self) -> dict[str, tuple[Any, Entries]]:
        """The module's own lists, by parameter."""
        return {}

    @property
    def model(self) -> str:
        """The chosen model, as shown."""
        return str(self.ui.bundleSelector.currentText)

    @property
    def device(self) -> str:
        """The chosen device, as shown; for "automatic" what that is, once it is known."""
        readiness = self.logic.engine.readiness
        if self._parameters is not None and self._parameters.device == "auto" and readiness is not None:
            labels = dict(readiness.devices)
            return str(labels.get("cuda:0", labels["cpu"]))  # see mmhvae.compute.devices.choose_device
        return str(self.ui.deviceSelector.currentText)

    def refresh(self) -> None:
        """Show what is installed, what the engine found, and what the parameters say."""
        fill(self.ui.bundleSelector, [(bundle.title, bundle.name) for bundle in WeightsStore().installed()])
        devices = [(_("automatic"), "auto")]
        if self.logic.engine.readiness is not None:
            devices += [(label, name) for name, label in self.logic.engine.readiness.devices]
        fill(self.ui.deviceSelector, devices)
        for name, selector in self._selectors.items():
            select(selector, getattr(self._parameters, name))

    def close(self) -> None:
        """The panel is going."""
        self.logic.engine.remove_ready_listener(self.panel.later)

    def _choose(self, name: str, index: int) -> None:
        if self._parameters is not None:
            setattr(self._parameters, name, self._selectors[name].itemData(index))


def fill(selector: Any, entries: Entries) -> None:
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

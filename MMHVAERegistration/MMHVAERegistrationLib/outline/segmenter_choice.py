"""The row that chooses among the installed segmenters of a kind; seen only where there is a choice."""

from __future__ import annotations

from typing import Any

import qt
from mmhvae import InputError
from mmhvae.bundle import InstalledBundle, ModelKind, WeightsStore
from MMHVAESynthesisLib.panel import fill, select
from MMHVAESynthesisLib.synthesis import Model
from slicer.i18n import tr as _


class SegmenterChoice:
    """Keeps the list and the parameter together; the panel hears of a choice through the parameter.

    Args:
        kind: of models to choose among.
        parameter: that holds the chosen one's name; "" in it stands for the first: the shipped one, where one ships.
        title: of the row.

    Attributes:
        store: the installed models.
        parameters: of the panel; None while there is no scene.
        widget: the row.
    """

    def __init__(self, kind: ModelKind, parameter: str, title: str) -> None:
        self.store = WeightsStore()
        self.parameters: Any = None
        self._kind, self._parameter = kind, parameter
        self._installed: list[InstalledBundle] = []
        self.widget, self.selector = qt.QWidget(), qt.QComboBox()
        row = qt.QHBoxLayout(self.widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(qt.QLabel(title))
        row.addWidget(self.selector, 1)
        self.selector.setSizePolicy(
            qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed
        )  # a long name must not widen the panel
        self.selector.setToolTip(_("The installed model that outlines."))
        self.selector.connect("activated(int)", self._choose)

    @property
    def name(self) -> str:
        """Of the chosen one; "" where none was chosen and there is none, or while there is no scene."""
        if self.parameters is None:
            return ""
        return getattr(self.parameters, self._parameter) or next((found.name for found in self._installed), "")

    @property
    def segmenter(self) -> InstalledBundle | None:
        """The chosen one, as far as it is installed."""
        return next((found for found in self._installed if found.name == self.name), None)

    @property
    def model(self) -> Model:
        """Name of the chosen one, and the checksum of its weights; "" where it is not installed."""
        return self.name, self.segmenter.weights_sha256 if self.segmenter is not None else ""

    def problem(self) -> str:
        """Why nothing can be outlined by what is chosen, in one sentence; "" where it can."""
        if self.segmenter is not None:
            return ""
        if not self.name:
            text = _("No model that {does} is installed; open Models, and install one.")
            return text.format(does=self._kind.value)
        try:
            self.store.path(self.name, self._kind)
        except InputError as error:
            return str(error)
        return _("The models have changed; choose again.")

    def refresh(self) -> None:
        """Show what is installed, and what is chosen."""
        self._installed = self.store.installed(self._kind)
        fill(self.selector, [(found.label, found.name) for found in self._installed])
        if self.name:
            select(self.selector, self.name)
        self.widget.setVisible(self.selector.count > 1)

    def _choose(self, index: int) -> None:
        if self.parameters is not None:
            setattr(self.parameters, self._parameter, self.selector.itemData(index))

"""One button that has the engine outline something, how far it is, what came of it, and whether that still holds."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import qt
from mmhvae.bundle import InstalledBundle, ModelKind
from MMHVAESynthesisLib.engine import Callbacks, CurrentRun, EngineRun, Failure
from MMHVAESynthesisLib.nodes import InputWatch
from MMHVAESynthesisLib.panel import Part, Whole, WorkRow, button, enable, wrapped_label
from MMHVAESynthesisLib.synthesis import STALE
from MMHVAESynthesisLib.views import jump_to
from numpy.typing import NDArray
from slicer.i18n import tr as _

from .outline_inputs import mark_outlines, sources_of
from .segmenter_choice import SegmenterChoice


class ComputedSection(Part):
    """Rows in the frame below what moves along; each kind of outline says what it is of.

    Attributes:
        KIND: of the models that can.
        PARAMETER: that names the chosen one.
        choice: among them.
    """

    KIND: ClassVar[ModelKind]
    PARAMETER: ClassVar[str]

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._current = CurrentRun()
        self._unseen: NDArray[np.float64] | None = None  # a place to show once the user is back in this module
        self._installer = panel.new_installer(self._progressed, self._failed)
        column = self.ui.outlineFrame.layout() or qt.QVBoxLayout(self.ui.outlineFrame)
        column.setContentsMargins(0, 0, 0, 0)
        self.choice = SegmenterChoice(self.KIND, self.PARAMETER, self._choice_title())
        self._marked_by = self.choice.model  # chosen when the outlines were last looked at
        column.addWidget(self.choice.widget)
        self.button = button(self._title(False), self._press, column)
        self.stale_label = wrapped_label()
        column.addWidget(self.stale_label)
        self.work = WorkRow(self._cancel)
        column.addWidget(self.work.widget)
        self._watch = InputWatch(self._watched, self._look)
        self.refresh()

    @abstractmethod
    def _title(self, again: bool) -> str:
        """What the button says."""

    @abstractmethod
    def _choice_title(self) -> str:
        """What the choice among the models is called."""

    @abstractmethod
    def _tool_tip(self) -> str:
        """What the button does, where it can."""

    @abstractmethod
    def _problem(self) -> str:
        """Why nothing can be outlined, whatever the model, in one sentence; "" where it can."""

    @abstractmethod
    def _outlines(self) -> list[Any]:
        """Those of this kind in the scene."""

    @abstractmethod
    def _new_run(self, segmenter: InstalledBundle, callbacks: Callbacks) -> EngineRun:
        """One outline of what is chosen now, by that model."""

    @abstractmethod
    def _done(self, outlined: Any) -> None:
        """Tell what came of it."""

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        self.choice.parameters = parameters
        self._unseen = None
        if parameters is None:
            self.work.finish("")

    def enter(self) -> None:
        """See :meth:`.Part.enter`; what was outlined meanwhile is shown."""
        super().enter()
        place, self._unseen = self._unseen, None
        if place is not None:
            jump_to(place)

    def close(self) -> None:
        """See :meth:`.Part.close`; an outline that is not done leaves nothing."""
        self._watch.close()
        self._current.cancel()

    def refresh(self) -> None:
        """Show what can be chosen, enable what can work, and say which outlines no longer hold."""
        self.choice.refresh()
        if self.choice.model != self._marked_by:
            self._watch.look_again()
        enable(self.button, self._why_not(), self._tool_tip())
        stale = [(node.GetName(), node.GetAttribute(STALE)) for node in self._outlines() if node.GetAttribute(STALE)]
        text = _("Out of date: {outline}. {reason}")
        self.stale_label.setText("\n".join(text.format(outline=name, reason=reason) for name, reason in stale))
        self.stale_label.setVisible(bool(stale))
        self.button.setText(self._title(bool(stale)))

    def _why_not(self) -> str:
        if self._parameters is None:
            return _("There is no scene.")
        if self._current.is_running:
            return _("The tumour is being outlined; wait for it, or cancel it.")
        if self.logic.is_running:
            return _("A registration is running; wait for it, or cancel it first.")
        return self._problem() or self.choice.problem()

    def _watched(self) -> list[Any]:
        """What the outlines of the scene were made of, and they themselves."""
        found = [(outline, *sources_of(outline).values()) for outline in self._outlines()]
        return [node for nodes in found for node in nodes if node is not None]

    def _look(self) -> None:
        if not self.logic.is_before:
            self._marked_by = self.choice.model
            mark_outlines(self._outlines(), self.choice.model)
            self.refresh()

    def _show(self, place: NDArray[np.float64] | None) -> None:
        """Have every slice lie through ``place``, (3,) RAS mm in world, as soon as the views are this module's."""
        self._unseen = None if self.panel.is_open else place
        if self.panel.is_open and place is not None:
            jump_to(place)

    def _press(self) -> None:
        if self._parameters is not None:
            self._installer.ensure(self._start)

    def _start(self) -> None:
        segmenter = self.choice.segmenter
        if segmenter is None:  # it has gone since the button was pressed
            self.work.finish(self.choice.problem())
        else:
            callbacks = Callbacks(self._done, self._failed, self._progressed)
            self._current.start(lambda listeners: self._new_run(segmenter, listeners), callbacks)
        self.refresh()

    def _progressed(self, fraction: float, message: str) -> None:
        self.work.progress(fraction, message)

    def _failed(self, failure: Failure) -> None:
        self.work.finish(_("Cancelled; the scene is as it was.") if failure.kind == "cancelled" else failure.message)
        self.panel.look_for_missing()
        self.panel.refresh()

    def _cancel(self) -> None:
        self.work.cancel_button.setEnabled(False)
        self._current.cancel()

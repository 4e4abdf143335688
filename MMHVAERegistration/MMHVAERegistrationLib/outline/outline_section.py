"""The row "Outline the tumour": one button, how far it is, what came of it, and whether that still holds."""

from __future__ import annotations

from typing import Any

import qt
from mmhvae.bundle import SHIPPED_SEGMENTER
from MMHVAESynthesisLib.engine import Callbacks, CurrentRun, Failure
from MMHVAESynthesisLib.nodes import InputWatch
from MMHVAESynthesisLib.panel import Part, Whole, WorkRow, button, enable, wrapped_label
from MMHVAESynthesisLib.synthesis import STALE
from MMHVAESynthesisLib.views import jump_to
from slicer.i18n import tr as _

from ..case import tick
from .outline_inputs import chosen_contrasts, mark_outlines, outlines, problem_of_outline, sources_of
from .outline_run import Outlined, OutlineRun


class OutlineSection(Part):
    """Fills the frame below what moves along.

    Attributes:
        bundle: the segmenter, by its name or folder.
    """

    bundle = SHIPPED_SEGMENTER

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._current = CurrentRun()
        self._installer = panel.new_installer(self._progressed, self._failed)
        column = qt.QVBoxLayout(self.ui.outlineFrame)
        column.setContentsMargins(0, 0, 0, 0)
        self.button = button(_("Outline the tumour"), self._press, column)
        self.stale_label = wrapped_label()
        column.addWidget(self.stale_label)
        self.work = WorkRow(self._cancel)
        column.addWidget(self.work.widget)
        self._watch = InputWatch(_inputs, self._look)
        self.refresh()

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        if parameters is None:
            self.work.finish("")

    def close(self) -> None:
        """See :meth:`.Part.close`; an outline that is not done leaves nothing."""
        self._watch.close()
        self._current.cancel()

    def refresh(self) -> None:
        """Enable what can work, and say which outlines no longer hold."""
        enable(
            self.button,
            self._why_not(),
            _("Find the tumour in the MRs chosen above. It is computed: check it, and correct it in Segment Editor."),
        )
        stale = [(node.GetName(), node.GetAttribute(STALE)) for node in outlines() if node.GetAttribute(STALE)]
        text = _("Out of date: {outline}. {reason}")
        self.stale_label.setText("\n".join(text.format(outline=name, reason=reason) for name, reason in stale))
        self.stale_label.setVisible(bool(stale))
        self.button.setText(_("Outline the tumour again") if stale else _("Outline the tumour"))

    def _why_not(self) -> str:
        if self._parameters is None:
            return _("There is no scene.")
        if self._current.is_running:
            return _("The tumour is being outlined; wait for it, or cancel it.")
        if self.logic.is_running:
            return _("A registration is running; wait for it, or cancel it first.")
        return problem_of_outline(chosen_contrasts(self._parameters), self.bundle)

    def _look(self) -> None:
        if not self.logic.is_before:
            mark_outlines()
            self.refresh()

    def _press(self) -> None:
        if self._parameters is not None:
            self._installer.ensure(self._start)

    def _start(self) -> None:
        engine, mrs, device = self.logic.engine, chosen_contrasts(self._parameters), self._parameters.device
        self._current.start(
            lambda callbacks: OutlineRun(engine, mrs, self.bundle, device, callbacks),
            Callbacks(self._done, self._failed, self._progressed),
        )
        self.refresh()

    def _progressed(self, fraction: float, message: str) -> None:
        self.work.progress(fraction, message)

    def _done(self, outlined: Outlined) -> None:
        if outlined.node is not None and self._parameters is not None:
            tick(self._parameters, outlined.node, True)
        if outlined.middle is not None and self.panel.is_open:
            jump_to(outlined.middle)
        self.work.finish(told(outlined))
        self.panel.refresh()

    def _failed(self, failure: Failure) -> None:
        self.work.finish(_("Cancelled; the scene is as it was.") if failure.kind == "cancelled" else failure.message)
        self.panel.look_for_missing()
        self.panel.refresh()

    def _cancel(self) -> None:
        self.work.cancel_button.setEnabled(False)
        self._current.cancel()


def told(outlined: Outlined) -> str:
    """What came of it, in a few words."""
    if outlined.node is None:
        return _("No tumour was found. Look for yourself: it may be missed.")
    volumes = outlined.volumes_ml
    found = _("Computed in {seconds:.0f} s: tumour {whole:.1f} ml, core {core:.1f} ml, enhancing {enhancing:.1f} ml.")
    numbers = found.format(
        seconds=outlined.seconds,
        whole=volumes["whole tumour"],
        core=volumes["tumour core"],
        enhancing=volumes["enhancing tumour"],
    )
    check = _("Not drawn by a person: check it, and correct it in Segment Editor.")
    return " ".join(part for part in (numbers, check, outlined.notice) if part)


def _inputs() -> list[Any]:
    """What the outlines of the scene were made of, and they themselves."""
    return [node for outline in outlines() for node in (outline, *sources_of(outline).values()) if node is not None]

"""The card with the verdict: a word, a number, a reason, and the choice. Sign and word say what the colour says."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.engine import Timer
from MMHVAESynthesisLib.panel import Part, Whole, scroll_into_view
from slicer.i18n import tr as _

from ..pose import BY_HAND, CENTRES, CHECK, FAILED, GOOD, LANDMARKS, NAVIGATION, Outcome
from .verdict_signs import SIGNS

#: Milliseconds until the card has its height: its texts are broken once they are shown.
LAID_OUT = 300
_CARD = "QFrame#trustFrame { border: 1px solid %s; border-left: 8px solid %s; }"
_WORD = "background: %s; color: white; font-weight: bold; font-size: 15pt; padding: 2px 8px;"


class TrustCard(Part):
    """Shows the outcome in use or the one that waits to be used, and changes poses."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui, logic = self.ui, self.logic
        self._laid_out = Timer(lambda: scroll_into_view(ui.trustFrame), LAID_OUT)
        ui.useButton.connect("clicked()", self._use)
        ui.discardButton.connect("clicked()", lambda: self._change(logic.discard))
        ui.undoButton.connect("clicked()", lambda: self._change(logic.undo))
        ui.redoButton.connect("clicked()", lambda: self._change(logic.redo))

    def refresh(self) -> None:
        """Show what is."""
        pending, outcome = self.logic.pending, self.logic.pending or self.logic.outcome
        self._show(outcome, pending is not None)
        self._enable(pending, outcome)

    def show_result(self, result: Outcome) -> None:
        """See :meth:`.Part.show_result`: on a small screen, too, the verdict is what is seen first."""
        self._laid_out.start()

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        self._laid_out.stop()

    def _show(self, outcome: Outcome | None, is_pending: bool) -> None:
        ui = self.ui
        for label in (ui.verdictLabel, ui.errorLabel, ui.movedLabel, ui.calibrationNoteLabel):
            label.setVisible(outcome is not None)
        if outcome is None:
            ui.trustFrame.setStyleSheet("")
            ui.reasonLabel.setText(self._where())
            return
        sign, colour = SIGNS[outcome.verdict]
        ui.trustFrame.setStyleSheet(_CARD % (colour, colour))
        ui.verdictLabel.setStyleSheet(_WORD % colour)
        ui.verdictLabel.setText(f"{sign} {word(outcome.verdict)}")
        ui.errorLabel.setText(error_text(outcome))
        ui.reasonLabel.setText(reason_text(outcome))
        ui.movedLabel.setText(moved_text(outcome, is_pending))
        for label in (ui.verdictLabel, ui.reasonLabel):
            label.setToolTip(evidence_text(outcome))

    def _where(self) -> str:
        """Where the MRs are, while no registration is in use."""
        what = self.logic.start.what
        if what == BY_HAND:
            return _("Not registered: put by hand.")
        if what == CENTRES:
            return _("Not registered: centre on centre.")
        if what == LANDMARKS:
            return _("Not registered: by landmarks.")
        return _("Not registered: where the navigation shows the MRs.")

    def _enable(self, pending: Outcome | None, outcome: Outcome | None) -> None:
        ui, poses, running = self.ui, self.logic.history, self.logic.is_running
        ui.useButton.setVisible(pending is not None)
        ui.useButton.setText(_("Use it all the same...") if pending is not None else _("Use it"))
        ui.discardButton.setEnabled(outcome is not None and not running)
        ui.undoButton.setEnabled(poses is not None and poses.can_undo and not running)
        ui.redoButton.setEnabled(poses is not None and poses.can_redo and not running)
        ui.discardButton.setToolTip(
            _("Take this result back: everything lies again as before it.") if outcome else _("There is no result.")
        )
        ui.undoButton.setToolTip(
            _("Back to the pose before.") if ui.undoButton.isEnabled() else _("There is no earlier pose.")
        )
        ui.redoButton.setToolTip(
            _("Forward to the pose after.") if ui.redoButton.isEnabled() else _("There is no later pose.")
        )

    def _use(self) -> None:
        question = _(
            "This registration was judged as failed: {reason}\n\nMove the MRs by it all the same? Undo takes it back."
        )
        pending = self.logic.pending
        if self._parameters is None or pending is None:
            return
        text = question.format(reason=pending.reason)
        if pending.verdict != FAILED or slicer.util.confirmYesNoDisplay(text, windowTitle=_("Failed")):
            try:
                self.logic.use_pending(self._parameters)
            except InputError as error:
                slicer.util.errorDisplay(str(error))
            self.panel.refresh()

    def _change(self, change: Callable[[], None]) -> None:
        change()
        self.panel.refresh()


def word(verdict: str) -> str:
    """The verdict as a word."""
    return {GOOD: _("GOOD"), CHECK: _("CHECK"), FAILED: _("FAILED")}[verdict]


def error_text(outcome: Outcome) -> str:
    """The expected error in words."""
    if outcome.expected_error_mm is None:
        return _("expected error unknown")
    return _("expected error about {error:.1f} mm").format(error=outcome.expected_error_mm)


def reason_text(outcome: Outcome) -> str:
    """Why, and which routes agree within how many mm."""
    return f"{outcome.reason} {outcome.witnessed}".strip()


def moved_text(outcome: Outcome, is_pending: bool, has_names: bool = True) -> str:
    """How far the result lies from the navigation, whether it is in use, and what of the ultrasound counted.

    Args:
        outcome: that is told.
        is_pending: whether nothing was moved by it.
        has_names: whether the region is called by its name, which may tell the patient's, or by what it is.
    """
    texts = {
        NAVIGATION: _("Moved {mm:.1f} mm and {degrees:.1f} degrees from the navigation."),
        BY_HAND: _("Moved {mm:.1f} mm and {degrees:.1f} degrees from where it was put by hand."),
        CENTRES: _("Moved {mm:.1f} mm and {degrees:.1f} degrees from centre on centre."),
        LANDMARKS: _("Moved {mm:.1f} mm and {degrees:.1f} degrees from where the landmarks put it."),
    }
    text = texts[outcome.start].format(mm=outcome.moved_mm, degrees=outcome.moved_deg)
    state = _("Not in use: nothing was moved.") if is_pending else _("In use.")
    kind = _("Preview.") if outcome.preview else ""
    return " ".join(part for part in (text, state, kind, _region_text(outcome, has_names)) if part)


def _region_text(outcome: Outcome, has_names: bool) -> str:
    if not outcome.region:
        return ""
    kinds = {"box": _("a box"), "segmentation": _("a segmentation"), "segment": _("a segment")}
    region = outcome.region if has_names else kinds.get(outcome.region_kind, _("a region"))
    if outcome.region_share is None:
        return _("Registered within {region} only.").format(region=region)
    text = _("Registered within {region} only: {percent:.0f} % of the ultrasound.")
    return text.format(region=region, percent=100 * outcome.region_share)


def evidence_text(outcome: Outcome) -> str:
    """What the verdict was judged by, a line each."""
    lines = [f"{name}: {value:.3g}" for name, value in outcome.evidence.items()]
    return "\n".join([_("Judged by a calibration on simulations:"), *lines])

"""Below each volume whose NIfTI file says two things about its place, or nothing: which one is right?"""

from __future__ import annotations

import contextlib
from typing import Any

import qt
from mmhvae import InputError
from mmhvae.images import MODALITIES, NIFTI_FORMS, NiftiQuestion
from slicer.i18n import tr as _

from ..nodes import choose_form, chosen_form, question_of
from .part import Part, Whole


class NiftiFormRows(Part):
    """Asks, and shows the answer, which the other button takes back."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        for name in MODALITIES:
            for form in NIFTI_FORMS:
                # clicked, not toggled: that would also be heard when the panel itself shows an answer.
                self._button(name, form).connect("clicked()", lambda name=name, form=form: self._choose(name, form))
        self._hide()

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        if parameters is None:
            self._hide()

    def refresh(self) -> None:
        """Show a row for each chosen volume whose place is open, or was."""
        for name in MODALITIES:
            node = self._node(name)
            question = question_of(node) if node is not None else None
            getattr(self.ui, f"{name}FormRow").setVisible(question is not None and bool(question.places))
            if question is not None:
                self._show(name, node, question)

    def _show(self, name: str, node: Any, question: NiftiQuestion) -> None:
        chosen, label = chosen_form(node, question), getattr(self.ui, f"{name}FormLabel")
        label.setText(_("Placed") if chosen else _("Where does it lie?"))
        label.setToolTip(f"{question.fact}.")
        for form in NIFTI_FORMS:
            button, hindrance = self._button(name, form), question.hindrances.get(form, "")
            button.setChecked(form == chosen)
            button.setEnabled(not hindrance and not self.logic.is_running)
            button.setToolTip(hindrance or self._tip(node, form))

    def _tip(self, node: Any, form: str) -> str:
        if self.logic.is_running:
            return _("A run is working with this volume; wait for it, or cancel it first.")
        text = _("Put {name} where the {form} of its file says; the other button takes it back.")
        return text.format(name=node.GetName(), form=form)

    def _choose(self, name: str, form: str) -> None:
        node = self._node(name)
        if node is not None:
            with contextlib.suppress(InputError):  # the file has changed meanwhile; the panel will say what it is now
                choose_form(node, form)
        self.panel.refresh()

    def _node(self, name: str) -> Any:
        """The chosen volume; None where there is none, or tracked frames take its place."""
        parameters = self._parameters
        if parameters is None or (name == "us" and (parameters.sweepPath or parameters.sweepBrowser is not None)):
            return None
        return getattr(parameters, name)

    def _button(self, name: str, form: str) -> qt.QToolButton:
        return getattr(self.ui, f"{name}{form.capitalize()}Button")

    def _hide(self) -> None:
        for name in MODALITIES:
            getattr(self.ui, f"{name}FormRow").hide()

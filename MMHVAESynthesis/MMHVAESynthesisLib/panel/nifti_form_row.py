"""A row that asks where a node lies whose NIfTI file says two things, or nothing, and shows the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import qt
from mmhvae import InputError
from mmhvae.images import NIFTI_FORMS
from slicer.i18n import tr as _

from ..nodes import choose_form, chosen_form, hindrance_of, question_of


class NiftiFormRow:
    """Seen only while the node's place is open, or was; the other button takes an answer back.

    Args:
        row: the widget that is shown or hidden.
        label: in it.
        buttons: in it, by form.
        on_chosen: hears that the node was moved.
    """

    def __init__(
        self, row: qt.QWidget, label: qt.QLabel, buttons: Mapping[str, qt.QToolButton], on_chosen: Callable[[], None]
    ) -> None:
        self.widget, self.label, self.buttons = row, label, buttons
        self._on_chosen = on_chosen
        self._node: Any = None
        for form, button in buttons.items():
            # clicked, not toggled: that would also be heard when the panel itself shows an answer.
            button.connect("clicked()", lambda form=form: self._choose(form))
        row.hide()

    @classmethod
    def within(cls, frame: qt.QWidget, on_chosen: Callable[[], None]) -> NiftiFormRow:
        """A row of new widgets that fills an empty frame."""
        layout, label = qt.QHBoxLayout(frame), qt.QLabel()
        layout.setContentsMargins(0, 0, 0, 0)
        label.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
        layout.addWidget(label, 1)
        buttons = {}
        for form in NIFTI_FORMS:
            buttons[form] = button = qt.QToolButton()
            button.setText(_("by its {form}").format(form=form))
            button.setCheckable(True)
            button.setFocusPolicy(qt.Qt.TabFocus)
            layout.addWidget(button)
        return cls(frame, label, buttons, on_chosen)

    def show(self, node: Any, busy: str = "", is_named: bool = False) -> None:
        """Ask about a node, or hide where nothing is open.

        Args:
            node: a volume, a segmentation, or None.
            busy: why nothing may be moved just now.
            is_named: whether the row says which node it asks about.
        """
        self._node = node
        question = question_of(node) if node is not None else None
        self.widget.setVisible(question is not None and bool(question.places))
        if question is None:
            return
        chosen = chosen_form(node, question)
        if is_named:
            text = _("{name}: placed") if chosen else _("Where does {name} lie?")
            self.label.setText(text.format(name=node.GetName()))
        else:
            self.label.setText(_("Placed") if chosen else _("Where does it lie?"))
        self.label.setToolTip(f"{question.fact}.")
        for form, button in self.buttons.items():
            hindrance = hindrance_of(node, question, form) or busy
            button.setChecked(form == chosen)
            button.setEnabled(not hindrance)
            text = _("Put {name} where the {form} of its file says; the other button takes it back.")
            button.setToolTip(hindrance or text.format(name=node.GetName(), form=form))

    def _choose(self, form: str) -> None:
        if self._node is not None:
            with contextlib.suppress(InputError):  # the file has changed meanwhile; the panel will say what it is now
                choose_form(self._node, form)
        self._on_chosen()

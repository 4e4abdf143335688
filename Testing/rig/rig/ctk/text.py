"""Widgets of CTK for text."""

from PySide6 import QtWidgets

from ..stand_in import custom_widget, ignored


@custom_widget
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for when nothing is chosen."""

    defaultText = ignored("")


@custom_widget
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """Text that is as high as it needs to be."""

    collapsible = ignored(True)
    collapsed = ignored(True)
    collapsibleText = ignored("")
    showDetailsText = ignored("")
    hideDetailsText = ignored("")

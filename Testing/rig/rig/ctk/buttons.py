"""Buttons and boxes of CTK that add little to Qt's."""

from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget, ignored


@custom_widget
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box that may show icons in place of its mark."""

    indicatorIconSize = ignored(0)


@custom_widget
class ctkMenuButton(QtWidgets.QPushButton):
    """A push button with a menu beside its text."""


@custom_widget
class ctkCheckablePushButton(QtWidgets.QPushButton):
    """A push button with a check box on it."""

    checkBoxToggled = Signal(bool)
    checkBoxControlsButton = ignored(True)
    checkBoxControlsButtonToggleState = ignored(True)


@custom_widget
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A push button that holds a colour."""

    colorChanged = Signal(QtGui.QColor)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._color = QtGui.QColor()

    def setColor(self, color):
        if color != self._color:
            self._color = color
            self.colorChanged.emit(color)

    color = Property(QtGui.QColor, lambda self: self._color, setColor)
    displayColorName = ignored(True)

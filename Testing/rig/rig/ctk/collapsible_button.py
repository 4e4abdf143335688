"""ctkCollapsibleButton: a titled section that opens and closes."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget, ignored

TITLE_HEIGHT = 24
UNLIMITED = 16777215  # QWIDGETSIZE_MAX


@custom_widget
class ctkCollapsibleButton(QtWidgets.QWidget):
    """Title bar over contents; closed, the contents are hidden."""

    contentsCollapsed = Signal(bool)
    clicked = Signal(bool)
    toggled = Signal(bool)

    def __init__(self, *arguments):
        super().__init__(next((a for a in arguments if isinstance(a, QtWidgets.QWidget)), None))
        self._text = next((a for a in arguments if isinstance(a, str)), "")
        self._collapsed, self._hidden = False, []
        self.setContentsMargins(6, TITLE_HEIGHT, 6, 6)

    def setText(self, text):
        self._text = text
        self.update()

    text = Property(str, lambda self: self._text, setText)

    def setCollapsed(self, collapsed):
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self._hide_contents()
        else:
            for widget in self._hidden:
                widget.setVisible(True)
            self._hidden = []
        self.setMaximumHeight(TITLE_HEIGHT if collapsed else UNLIMITED)
        self.updateGeometry()
        self.update()
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, setCollapsed)

    def setChecked(self, checked):
        self.setCollapsed(not checked)

    checked = Property(bool, lambda self: not self._collapsed, setChecked)
    checkable = ignored(True)
    collapsedHeight = ignored(10)
    flat = ignored(False)

    def _hide_contents(self):
        for widget in self.children():
            if isinstance(widget, QtWidgets.QWidget) and not widget.isHidden():
                self._hidden.append(widget)
                widget.setVisible(False)

    def childEvent(self, event):
        # In ChildAdded the child is still a bare QWidget, and a Python wrapper made of it then would stay one.
        if self._collapsed and event.polished() and isinstance(event.child(), QtWidgets.QWidget):
            self._hide_contents()

    def showEvent(self, event):
        if self._collapsed:  # the .ui loader sets ``collapsed`` before it makes the contents
            self._hide_contents()
            self.setMaximumHeight(TITLE_HEIGHT)

    def mousePressEvent(self, event):
        if event.position().y() <= TITLE_HEIGHT:
            self.setCollapsed(not self._collapsed)
            self.clicked.emit(not self._collapsed)

    def minimumSizeHint(self):
        hint = super().minimumSizeHint()
        title = self.fontMetrics().horizontalAdvance(self._text) + 32
        return QtCore.QSize(max(hint.width(), title), TITLE_HEIGHT if self._collapsed else hint.height())

    def paintEvent(self, event):
        painter = QtWidgets.QStylePainter(self)
        painter.setPen(self.palette.mid().color())
        if not self._collapsed:
            painter.drawRect(0, TITLE_HEIGHT // 2, self.width - 1, self.height - TITLE_HEIGHT // 2 - 1)
        title = QtWidgets.QStyleOptionButton()
        title.initFrom(self)
        title.rect = QtCore.QRect(0, 0, self.width, TITLE_HEIGHT - 2)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, title)
        painter.setPen(self.palette.text().color())
        arrow = "\u25b8" if self._collapsed else "\u25be"
        place = title.rect.adjusted(8, 0, 0, 0)
        painter.drawText(place, QtCore.Qt.AlignmentFlag.AlignVCenter, f"{arrow} {self._text}")

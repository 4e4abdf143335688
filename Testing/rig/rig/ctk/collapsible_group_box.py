"""ctkCollapsibleGroupBox: a group box that opens and closes."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property

from ..stand_in import custom_widget


@custom_widget
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """Ticked, its contents are shown."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.setCheckable(True)
        self._hidden = []
        self.toggled.connect(self._show_contents)

    def _show_contents(self, shown):
        if shown:
            for widget in self._hidden:
                widget.setVisible(True)
            self._hidden = []
        else:
            children = [child for child in self.children() if isinstance(child, QtWidgets.QWidget)]
            self._hidden = [child for child in children if not child.isHidden()]
            for widget in self._hidden:
                widget.setVisible(False)

    def setCollapsed(self, collapsed):
        self.setChecked(not collapsed)

    collapsed = Property(bool, lambda self: not self.checked, setCollapsed)

"""Choosing files and folders: ctkPathLineEdit and ctkDirectoryButton."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget, ignored


@custom_widget
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that can be typed, or chosen in a dialog."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Drives, Files, NoSymLinks = 0x001, 0x004, 0x002, 0x008
    Readable, Writable, Executable, Hidden, System = 0x010, 0x020, 0x040, 0x100, 0x200

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit, button = QtWidgets.QLineEdit(self), QtWidgets.QToolButton(self)
        button.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit)
        layout.addWidget(button)
        self._filters, self._name_filters, self._label = self.Files | self.Readable, [], ""
        self._edit.textChanged.connect(self.currentPathChanged.emit)
        button.clicked.connect(self.browse)

    def setCurrentPath(self, path):
        self._edit.setText(path)

    currentPath = Property(str, lambda self: self._edit.text, setCurrentPath)

    def browse(self):
        dialog, title = QtWidgets.QFileDialog, self._label or "Select"
        if self._filters & self.Files:
            ask = dialog.getSaveFileName if self._filters & self.Writable else dialog.getOpenFileName
            path = ask(self, title, self.currentPath, ";;".join(self._name_filters))
        else:
            path = dialog.getExistingDirectory(self, title, self.currentPath)
        if path:
            self.setCurrentPath(path)

    def addCurrentPathToHistory(self):
        """History is not kept here."""

    def _set_filters(self, filters):
        self._filters = filters

    filters = Property(int, lambda self: self._filters, _set_filters)

    def _set_name_filters(self, filters):
        self._name_filters = list(filters)

    nameFilters = Property("QStringList", lambda self: tuple(self._name_filters), _set_name_filters)

    def _set_label(self, label):
        self._label = label

    label = Property(str, lambda self: self._label, _set_label)
    settingKey = ignored("")
    showBrowseButton = ignored(True)
    showHistoryButton = ignored(True)


@custom_widget
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder, and asks for another when pressed."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, *arguments):
        super().__init__(next((a for a in arguments if isinstance(a, QtWidgets.QWidget)), None))
        self._button = QtWidgets.QPushButton(next((a for a in arguments if isinstance(a, str)), "."), self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def setDirectory(self, path):
        if path != self.directory:
            self._button.setText(path)
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: self._button.text, setDirectory)

    def browse(self):
        path = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption or "Select a folder", self.directory)
        if path:
            self.setDirectory(path)
            self.directorySelected.emit(path)

    caption = ignored("")
    text = ignored("")

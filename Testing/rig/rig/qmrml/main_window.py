"""qSlicerMainWindow: the module panel beside the views."""

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from ..stand_in import stand_in


@stand_in
class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """Which module is shown."""

    moduleSelected = Signal(str)

    def __init__(self, panel, parent=None):
        super().__init__("Module selection", parent)
        self._panel, self._name = panel, ""

    @property
    def selectedModule(self):
        return self._name

    def selectModule(self, name):
        module = slicer.app.moduleManager().module(name)
        if module is None:
            raise RuntimeError(f"there is no module {name}")
        current = self._panel.takeWidget()
        if current is not None:
            current.exit()
        self._name = name
        widget = module.widgetRepresentation()
        self._panel.setWidget(widget)
        widget.show()
        widget.enter()
        self.moduleSelected.emit(name)


@stand_in
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The window that the user sees.

    Args:
        layout_manager: its viewport is the window's middle.
    """

    def __init__(self, layout_manager):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.setWindowTitle("3D Slicer")
        self._dock, panel = QtWidgets.QDockWidget("", self), QtWidgets.QScrollArea()
        self._dock.setObjectName("PanelDockWidget")
        panel.setWidgetResizable(True)
        panel.setMinimumWidth(460)
        self._dock.setWidget(panel)
        self.addDockWidget(QtCore.Qt.DockWidgetArea.LeftDockWidgetArea, self._dock)
        self._selector = qSlicerModuleSelectorToolBar(panel, self)
        self.addToolBar(self._selector)
        self.setCentralWidget(layout_manager.viewport())
        self.statusBar()
        self.resize(1500, 900)

    def moduleSelector(self):
        return self._selector

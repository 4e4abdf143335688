"""qMRMLLayoutManager: the three slice views side by side. There is no 3D view."""

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..stand_in import stand_in
from .slice_widget import qMRMLSliceWidget

ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
VIEW_SIZE = 320


@stand_in
class qMRMLLayoutManager(QtCore.QObject):
    """Makes the views when it is made, and keeps them.

    Args:
        scene: whose slices are shown.
        application_logic: is told of the slices' logics.
    """

    layoutChanged = QtCore.Signal(int)

    def __init__(self, scene, application_logic):
        super().__init__()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self._logics, self._widgets = vtk.vtkCollection(), {}
        self._viewport = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(self._viewport)
        row.setContentsMargins(0, 0, 0, 0)
        for name, orientation in ORIENTATIONS.items():
            row.addWidget(self._make_widget(scene, application_logic, name, orientation))
        application_logic.SetSliceLogics(self._logics)

    def _make_widget(self, scene, application_logic, name, orientation):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name)
        logic.GetSliceNode().SetOrientation(orientation)
        self._logics.AddItem(logic)
        self._widgets[name] = widget = qMRMLSliceWidget()
        widget.setSliceLogic(logic)
        widget.sliceView().resize(VIEW_SIZE, VIEW_SIZE)
        return widget

    def sliceViewNames(self):
        return tuple(self._widgets)

    def sliceWidget(self, name):
        return self._widgets.get(name)

    def mrmlSliceLogics(self):
        return self._logics

    def viewport(self):
        return self._viewport

    def threeDViewCount(self):
        return 0

    def resetSliceViews(self):
        for widget in self._widgets.values():
            widget.sliceLogic().FitSliceToAll()

    def _reset(self):
        """As the views are when Slicer starts."""
        for name, widget in self._widgets.items():
            composite = widget.mrmlSliceCompositeNode()
            for layer in ("Background", "Foreground", "Label"):
                getattr(composite, f"Set{layer}VolumeID")(None)
            composite.SetForegroundOpacity(0)
            node = widget.mrmlSliceNode()
            node.SetOrientation(ORIENTATIONS[name])
            node.SetSliceOffset(0)
            widget.sliceView()._reset()

    def _take_apart(self):
        for widget in self._widgets.values():
            widget.sliceView()._take_apart()

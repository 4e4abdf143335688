"""qMRMLSliceWidget: a slice view under its controller, the bar with the slider that moves through the slices."""

import slicer
import vtk
from PySide6 import QtWidgets

from .. import ctk
from ..stand_in import custom_widget, getter
from .slice_view import qMRMLSliceView
from .widget import qMRMLWidget

COLORS = {"Red": "#f34a33", "Yellow": "#edd54c", "Green": "#6eb04b"}


@custom_widget
class qMRMLSliceControllerWidget(qMRMLWidget):
    """The bar over a slice view."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic = None
        self._slider = ctk.ctkSliderWidget(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self._slider)
        self._slider.valueChanged.connect(self.setSliceOffsetValue)

    def setSliceLogic(self, logic):
        self._logic = logic

    def setSliceOffsetValue(self, offset):
        self._logic.SetSliceOffset(offset)

    def sliceOffsetSlider(self):
        return self._slider

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

    def _follow(self):
        low_high, step = [0.0, 0.0], vtk.reference(0.0)
        self._logic.GetSliceOffsetRangeResolution(low_high, step)
        self._slider.blockSignals(True)
        self._slider.setRange(*low_high)
        self._slider.setSingleStep(float(step) or 1.0)
        self._slider.setValue(self._logic.GetSliceOffset())
        self._slider.blockSignals(False)


@custom_widget
class qMRMLSliceWidget(qMRMLWidget):
    """View and controller of one slice."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic = None
        self._view, self._controller = qMRMLSliceView(self), qMRMLSliceControllerWidget(self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    def setSliceLogic(self, logic):
        self._logic = logic
        self._controller.setSliceLogic(logic)
        self._controller.setStyleSheet(f"background: {COLORS.get(logic.GetSliceNode().GetLayoutName(), 'gray')}")
        self._view.setMRMLSliceNode(logic.GetSliceNode())
        self._view._style.SetSliceLogic(logic)
        logic.AddObserver("ModifiedEvent", lambda *_: self._update())
        logic.AddObserver(slicer.vtkMRMLSliceLogic.CompositeModifiedEvent, lambda *_: self._update())
        self._update()

    def _update(self):
        self._view._show(self._logic)
        self._controller._follow()

    sliceView = getter("_view")
    sliceController = getter("_controller")
    sliceLogic = getter("_logic")

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceViewName(self):
        return self._logic.GetSliceNode().GetLayoutName()

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

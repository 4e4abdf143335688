"""Widgets for numbers that follow the scene's units; here they have none."""

from .. import ctk
from ..stand_in import custom_widget, ignored


@custom_widget
class qMRMLSliderWidget(ctk.ctkSliderWidget):
    """A slider of a quantity."""

    quantity = ignored("")
    unitAwareProperties = ignored(0)

    def setMRMLScene(self, scene):
        self._scene = scene


@custom_widget
class qMRMLSpinBox(ctk.ctkDoubleSpinBox):
    """A spin box of a quantity."""

    quantity = ignored("")

    def setMRMLScene(self, scene):
        self._scene = scene


@custom_widget
class qMRMLRangeWidget(ctk.ctkRangeWidget):
    """Two values of a quantity."""

    quantity = ignored("")

    def setMRMLScene(self, scene):
        self._scene = scene

"""ctkSliderWidget: a slider and a spin box of one number."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget, ignored

STEPS = 1000  # of the slider, over the whole range


@custom_widget
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """A spin box; CTK's own ways to step and to show digits are left out."""


@custom_widget
class ctkSliderWidget(QtWidgets.QWidget):
    """A number within [minimum, maximum], rounded to ``decimals``."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._minimum, self._maximum, self._value = 0.0, 99.0, 0.0
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, STEPS)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._is_showing, self._tracking = False, True
        self._slider.valueChanged.connect(self._slid)
        self._slider.sliderReleased.connect(self._released)
        self._box.valueChanged.connect(self._typed)
        self._show()

    def _slid(self, step):
        if self._is_showing:
            return
        value = self._minimum + (self._maximum - self._minimum) * step / STEPS
        self.valueIsChanging.emit(value)
        if self._tracking or not self._slider.isSliderDown():
            self.setValue(value)

    def _released(self):
        if not self._tracking:
            self._slid(self._slider.value)

    def _typed(self, value):
        if not self._is_showing:
            self.setValue(value)

    def _show(self):
        self._is_showing = True
        self._box.setRange(self._minimum, self._maximum)
        if self._box.value != self._value:  # or it would put its text in order while somebody types
            self._box.setValue(self._value)
        extent = self._maximum - self._minimum
        self._slider.setValue(round(STEPS * (self._value - self._minimum) / extent) if extent else 0)
        self._is_showing = False

    def setValue(self, value):
        value = round(min(max(float(value), self._minimum), self._maximum), self._box.decimals)
        changed, self._value = value != self._value, value
        self._show()
        if changed:
            self.valueChanged.emit(value)

    def setRange(self, minimum, maximum):
        self._minimum, self._maximum = float(minimum), max(float(minimum), float(maximum))
        self.setValue(self._value)

    def setMinimum(self, minimum):
        self.setRange(minimum, max(self._maximum, float(minimum)))

    def setMaximum(self, maximum):
        self.setRange(min(self._minimum, float(maximum)), maximum)

    def setDecimals(self, decimals):
        self._box.setDecimals(decimals)
        self.setValue(self._value)

    def setSingleStep(self, step):
        self._box.setSingleStep(step)

    def setPageStep(self, step):
        self._slider.setPageStep(round(STEPS * step / ((self._maximum - self._minimum) or 1)))

    def setTracking(self, tracking):
        self._tracking = tracking

    def setSuffix(self, suffix):
        self._box.setSuffix(suffix)

    def setPrefix(self, prefix):
        self._box.setPrefix(prefix)

    value = Property(float, lambda self: self._value, setValue)
    minimum = Property(float, lambda self: self._minimum, setMinimum)
    maximum = Property(float, lambda self: self._maximum, setMaximum)
    decimals = Property(int, lambda self: self._box.decimals, setDecimals)
    singleStep = Property(float, lambda self: self._box.singleStep, setSingleStep)
    pageStep = Property(float, lambda self: float(self._slider.pageStep), setPageStep)
    tracking = Property(bool, lambda self: self._tracking, setTracking)
    suffix = Property(str, lambda self: self._box.suffix, setSuffix)
    prefix = Property(str, lambda self: self._box.prefix, setPrefix)
    spinBoxVisible = Property(bool, lambda self: not self._box.isHidden(), lambda self, v: self._box.setVisible(v))
    tickInterval = ignored(0.0)
    invertedAppearance = ignored(False)

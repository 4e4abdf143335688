"""ctkRangeWidget and ctkDoubleRangeSlider: two numbers, the first not above the second."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget


class TwoNumbers(QtWidgets.QWidget):
    """Two spin boxes."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._low, self._high = QtWidgets.QDoubleSpinBox(self), QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for box, signal in ((self._low, self.minimumValueChanged), (self._high, self.maximumValueChanged)):
            layout.addWidget(box)
            box.valueChanged.connect(signal.emit)
            box.valueChanged.connect(self._changed)

    def _changed(self, _value):
        self.valuesChanged.emit(self._low.value, self._high.value)

    def setRange(self, minimum, maximum):
        for box in (self._low, self._high):
            box.setRange(minimum, maximum)

    def setValues(self, minimum, maximum):
        self._low.setValue(minimum)
        self._high.setValue(maximum)

    def _both(name):  # noqa: N805 - makes a property of the two boxes
        def set_both(self, value):
            for box in (self._low, self._high):
                setattr(box, name, value)

        return set_both

    minimumValue = Property(float, lambda self: self._low.value, lambda self, value: self._low.setValue(value))
    maximumValue = Property(float, lambda self: self._high.value, lambda self, value: self._high.setValue(value))
    minimum = Property(float, lambda self: self._low.minimum, _both("minimum"))
    maximum = Property(float, lambda self: self._low.maximum, _both("maximum"))
    singleStep = Property(float, lambda self: self._low.singleStep, _both("singleStep"))
    _set_decimals = _both("decimals")
    del _both


@custom_widget
class ctkRangeWidget(TwoNumbers):
    """CTK's slider between the boxes is left out."""

    decimals = Property(int, lambda self: self._low.decimals, TwoNumbers._set_decimals)


@custom_widget
class ctkDoubleRangeSlider(TwoNumbers):
    """Two handles on one line; here, boxes. It shows no digits."""

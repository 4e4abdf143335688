"""ctkRangeWidget: two numbers, the first not above the second."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget


@custom_widget
class ctkRangeWidget(QtWidgets.QWidget):
    """Two spin boxes; CTK's slider between them is left out."""

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
            box.valueChanged.connect(lambda _: self.valuesChanged.emit(self._low.value, self._high.value))

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
    decimals = Property(int, lambda self: self._low.decimals, _both("decimals"))
    singleStep = Property(float, lambda self: self._low.singleStep, _both("singleStep"))
    del _both

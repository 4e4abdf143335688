"""How a widget shows a parameter: by the widget's class and the parameter's type, as in Slicer's own wrapper."""

import enum
import typing

import ctk
import qt
import slicer

from .annotations import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange, first, split
from .stored import PATHS, PURE_PATHS


class Connector:
    """Between a widget's property and a parameter.

    Args:
        widget: shows the value.
        attribute: the widget's property.
        changed: name of the signal that tells of a change.
    """

    def __init__(self, widget, attribute, changed):
        self._widget, self._attribute, self._signal = widget, attribute, changed
        self._slot = None

    def onChanged(self, callback):
        """Call back at each change, or no more (None). The widget keeps what is called alive, as in PythonQt."""
        signal = getattr(self._widget, self._signal)
        if self._slot is not None:
            signal.disconnect(self._slot)
        self._slot = callback and (lambda *_: callback())
        if self._slot is not None:
            signal.connect(self._slot)

    def read(self):
        return getattr(self._widget, self._attribute)

    def write(self, value):
        setattr(self._widget, self._attribute, value)


class PathConnector(Connector):
    """Of a path, that the widget holds as text."""

    def __init__(self, widget, attribute, changed, kind):
        super().__init__(widget, attribute, changed)
        self._kind = kind

    def read(self):
        return self._kind(super().read())

    def write(self, value):
        super().write(str(value))


class TextConnector(Connector):
    """Of the plain text of a text field of several lines."""

    def read(self):
        return self._widget.toPlainText()

    def write(self, value):
        self._widget.setPlainText(value)


class ChoiceConnector(Connector):
    """Of a combo box that offers the values allowed, under their labels."""

    def __init__(self, widget, values, labels):
        super().__init__(widget, "currentIndex", "currentIndexChanged")
        self._values = values
        widget.clear()
        for label in labels:
            widget.addItem(label)

    def read(self):
        return self._values[super().read()]

    def write(self, value):
        if value not in self._values:
            raise ValueError(f"Unable to find value {value} in choices {self._values}")
        super().write(self._values.index(value))


class NodeConnector(Connector):
    """Of a node selector, which is told the types of node."""

    def __init__(self, widget, classes):
        super().__init__(widget, "currentNode", "currentNodeChanged")
        widget.nodeTypes = tuple(kind().GetClassName() for kind in classes)

    def read(self):
        return self._widget.currentNode()

    def write(self, value):
        self._widget.setCurrentNode(value)


def connector_for(widget, hint):
    """The connector of a widget and a type hint; RuntimeError if there is none."""
    kind, annotations = split(hint)
    for make in (_bool, _number, _choice, _text, _path, _node):
        connector = make(widget, type(widget), kind, annotations)
        if connector is not None:
            return connector
    raise RuntimeError(f"Unable to create GUI connector from datatype '{hint}' to widget type '{type(widget)}'")


def _bool(widget, shown, kind, annotations):
    if kind is bool and shown is qt.QCheckBox:
        return Connector(widget, "checked", "stateChanged")
    if kind is bool and shown is qt.QPushButton:
        widget.checkable = True
        return Connector(widget, "checked", "toggled")
    return None


def _number(widget, shown, kind, annotations):
    whole = kind is int and shown in (qt.QSlider, qt.QSpinBox)
    if not whole and not (kind is float and shown in (qt.QDoubleSpinBox, ctk.ctkSliderWidget)):
        return None
    for annotation, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        found = first(annotations, annotation)
        if found is not None:
            setattr(widget, name, found.value)
    both, low, high = (first(annotations, limit) for limit in (WithinRange, Minimum, Maximum))
    if shown in (qt.QSlider, ctk.ctkSliderWidget) and not (both or (low and high)):
        raise RuntimeError("a slider needs a parameter with both limits")
    lowest, highest = (-(2**31), 2**31 - 1) if whole else (float("-inf"), float("inf"))
    widget.minimum = (both or low).minimum if both or low else lowest
    widget.maximum = (both or high).maximum if both or high else highest
    return Connector(widget, "value", "valueChanged")


def _choice(widget, shown, kind, annotations):
    if shown is not qt.QComboBox:
        return None
    if kind in (int, float, str, bool):
        choice = first(annotations, Choice)
        if choice is None:
            raise RuntimeError("a combo box needs a parameter with the Choice annotation")
        return ChoiceConnector(widget, list(choice.choices), [str(value) for value in choice.choices])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        label = getattr(kind, "label", lambda member: member.name)
        return ChoiceConnector(widget, list(kind), [label(member) for member in kind])
    return None


def _text(widget, shown, kind, annotations):
    if kind is str and shown is qt.QLineEdit:
        return Connector(widget, "text", "textChanged")
    if kind is str and shown is qt.QTextEdit:
        return TextConnector(widget, "plainText", "textChanged")
    return None


def _path(widget, shown, kind, annotations):
    if kind in (*PATHS, *PURE_PATHS) and shown is ctk.ctkPathLineEdit:
        return PathConnector(widget, "currentPath", "currentPathChanged", kind)
    if kind in (*PATHS, *PURE_PATHS) and shown is ctk.ctkDirectoryButton:
        return PathConnector(widget, "directory", "directoryChanged", kind)
    return None


def _node(widget, shown, kind, annotations):
    members = [split(member)[0] for member in typing.get_args(kind)] or [kind]
    classes = [member for member in members if member is not type(None)]
    nodes = all(isinstance(member, type) and issubclass(member, slicer.vtkMRMLNode) for member in classes)
    return NodeConnector(widget, classes) if shown is slicer.qMRMLNodeComboBox and nodes else None

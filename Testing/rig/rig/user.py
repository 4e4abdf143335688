"""What a user does: presses, types, chooses, waits, looks. Each raises AssertionError where a user could not do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtTest, QtWidgets

LEFT = QtCore.Qt.MouseButton.LeftButton
SETTLED_WITHIN = 2.0  # seconds in which a panel comes to rest
NO_MODIFIER = QtCore.Qt.KeyboardModifier.NoModifier


def process_events(milliseconds: float = 0) -> None:
    """Let the application catch up, for at least so long."""
    end = time.monotonic() + milliseconds / 1000
    while True:
        QtWidgets.QApplication.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        if time.monotonic() >= end:
            return
        time.sleep(0.005)


@contextmanager
def event_loop_turns() -> Iterator[list[float]]:
    """Seconds of this thread's own time that each turn of the event loop took: how long a user was held up."""
    turns, last = [], [time.thread_time()]

    def beat() -> None:
        now = time.thread_time()
        turns.append(now - last[0])
        last[0] = now

    timer = QtCore.QTimer()
    timer.timeout.connect(beat)
    timer.start(0)
    try:
        yield turns
    finally:
        timer.stop()


def wait_until(condition: Callable[[], Any], timeout: float = 60.0, what: str = "") -> None:
    """Process events until ``condition()`` is true, at most ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout:g} s: {what or condition}"
        process_events(5)


def click(widget: Any, x: int | None = None, y: int | None = None) -> None:
    """Press and release the left mouse button on a widget.

    Args:
        widget: shown, enabled, and with nothing in front of it.
        x, y: where, in the widget's pixels; by default where a user would aim.
    """
    place = _reach(widget, x, y)
    QtTest.QTest.mouseClick(widget, LEFT, NO_MODIFIER, place)
    process_events()


def _reach(widget: Any, x: int | None, y: int | None) -> QtCore.QPoint:
    """Where on the widget to press; a user whose aim has moved, since the panel has just grown, aims again."""
    end = time.monotonic() + SETTLED_WITHIN
    while True:
        _scroll_to(widget)
        aim = _aim(widget)
        place = QtCore.QPoint(aim.x() if x is None else x, aim.y() if y is None else y)
        if not widget.isVisible() or _in_front(widget, place) is None or time.monotonic() > end:
            _assert_reachable(widget, place)
            return place
        process_events(20)


def _aim(widget: Any) -> QtCore.QPoint:
    if type(widget).__name__ == "ctkCollapsibleButton":
        return QtCore.QPoint(widget.width // 2, 11)  # its title
    if isinstance(widget, QtWidgets.QCheckBox | QtWidgets.QRadioButton):
        return QtCore.QPoint(8, widget.height // 2)  # its box; the text may be shorter than the widget
    return widget.rect.center()


def _scroll_to(widget: Any) -> None:
    """A user scrolls the module's panel to what they look for."""
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QtWidgets.QScrollArea):
        area = area.parentWidget()
    if area is not None and area.widget() is not None and area.widget().isAncestorOf(widget):
        area.ensureWidgetVisible(widget)
        process_events()


def _assert_reachable(widget: Any, place: QtCore.QPoint) -> None:
    name = f"{type(widget).__name__} '{widget.objectName}'"
    assert widget.isVisible(), f"{name} is not shown"
    assert widget.isEnabled(), f"{name} is disabled"
    there = _in_front(widget, place)
    assert there is None, f"{name} is covered by {there}, or too small"


def _in_front(widget: Any, place: QtCore.QPoint) -> Any:
    """What a press there would meet instead of the widget; None: the widget itself."""
    window = widget.window()
    there = window.childAt(widget.mapTo(window, place)) or window
    return None if there is widget or widget.isAncestorOf(there) else there


def type_text(widget: Any, text: str) -> None:
    """Replace what a line edit, text edit, spin box or slider's spin box holds, and leave it by the tab key."""
    field = widget if isinstance(widget, QtWidgets.QAbstractSpinBox | QtWidgets.QTextEdit) else _line_edit(widget)
    assert field.isVisible(), f"'{widget.objectName}' is not shown"
    assert field.isEnabled(), f"'{widget.objectName}' is disabled"
    field.setFocus()
    field.selectAll()
    QtTest.QTest.keyClick(field, QtCore.Qt.Key.Key_Delete)
    QtTest.QTest.keyClicks(field, text)
    if not isinstance(field, QtWidgets.QTextEdit):
        QtTest.QTest.keyClick(field, QtCore.Qt.Key.Key_Tab)
    process_events()


def _line_edit(widget: Any) -> Any:
    kinds = (QtWidgets.QAbstractSpinBox, QtWidgets.QLineEdit)
    if isinstance(widget, kinds):
        return widget
    found = next((child for kind in kinds for child in widget.findChildren(kind)), None)
    assert found is not None, f"nothing can be typed into {widget}"
    return found


def press_key(widget: Any, keys: str) -> None:
    """Press keys, as QKeySequence writes them ("F", "Ctrl+Z"), while ``widget`` has the focus.

    Shortcuts of the widget's window are triggered, as a key on a real keyboard would.
    """
    combination = QtGui.QKeySequence(keys)[0]
    widget.setFocus()
    widget.window().activateWindow()
    process_events()
    QtTest.QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())
    process_events()


def choose(selector: Any, text: str) -> None:
    """Choose the item with this text from a combo box, or node selector, by opening its list."""
    combo = selector if isinstance(selector, QtWidgets.QComboBox) else selector.findChild(QtWidgets.QComboBox)
    row = combo.findText(text)
    assert row >= 0, f"'{text}' is not among {[combo.itemText(index) for index in range(combo.count)]}"
    click(combo)
    view = combo.view()
    index = combo.model().index(row, combo.modelColumn, combo.rootModelIndex())
    assert index.flags() & QtCore.Qt.ItemFlag.ItemIsEnabled, f"'{text}' cannot be chosen"
    view.scrollTo(index)
    place = view.visualRect(index).center()
    QtTest.QTest.mouseMove(view.viewport(), place)
    # A combo box ignores a release that comes at once after the press that opened it; its timer is a coarse one, and
    # late on a busy machine, where a user, too, would press once more.
    end = time.monotonic() + 5
    while view.isVisible():
        assert time.monotonic() < end, f"the list stays open, and '{text}' cannot be chosen"
        QtTest.QTest.qWait(QtWidgets.QApplication.doubleClickInterval() // 4)
        if view.isVisible():
            QtTest.QTest.mouseClick(view.viewport(), LEFT, NO_MODIFIER, place)
    process_events()


def move_slider(slider: Any, value: float) -> float:
    """Drag a slider's handle to where ``value`` lies; the value it then has, which is as near as pixels allow."""
    bar = slider if isinstance(slider, QtWidgets.QSlider) else slider.findChild(QtWidgets.QSlider)
    fraction = (value - slider.minimum) / (slider.maximum - slider.minimum)
    start, end = _handle(bar, bar.value), _handle(bar, bar.minimum + fraction * (bar.maximum - bar.minimum))
    _assert_reachable(bar, start)
    QtTest.QTest.mousePress(bar, LEFT, NO_MODIFIER, start)
    QtTest.QTest.mouseMove(bar, (start + end) / 2)
    QtTest.QTest.mouseMove(bar, end)
    QtTest.QTest.mouseRelease(bar, LEFT, NO_MODIFIER, end)
    process_events()
    return slider.value


def _handle(bar: Any, position: float) -> QtCore.QPoint:
    option = QtWidgets.QStyleOptionSlider()
    bar.initStyleOption(option)
    option.sliderPosition = round(position)
    part = QtWidgets.QStyle.SubControl.SC_SliderHandle
    return bar.style().subControlRect(QtWidgets.QStyle.ComplexControl.CC_Slider, option, part, bar).center()


def shown_text(widget: Any) -> str:
    """All text that can be read in a widget, a line each."""
    texts = []
    for child in [widget, *widget.findChildren(QtWidgets.QWidget)]:
        if child.isVisible():
            texts += [_text(child)]
    return "\n".join(text for text in texts if text)


def _text(widget: Any) -> str:
    for name in ("toPlainText", "title", "text", "currentText"):
        value = getattr(widget, name, None)
        value = value() if callable(value) else value
        if isinstance(value, str) and value:
            return value
    return ""


def grab(widget: Any, path: str | Path) -> Path:
    """Save a picture of a widget as PNG, once it is laid out and drawn."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    process_events()
    assert widget.grab().save(str(path)), f"could not write {path}"
    return path


def grab_slice(name: str = "Red", path: str | Path | None = None) -> Any:
    """What a slice view draws, (rows, columns, 3) uint8 with the first row on top; saved as PNG if a path is given."""
    import slicer

    view = slicer.app.layoutManager().sliceWidget(name).sliceView()
    process_events()
    view.forceRender()
    if path is not None:
        rows, columns, _ = view._pixels.shape
        image = QtGui.QImage(view._pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format.Format_RGB888)
        assert image.save(str(path)), f"could not write {path}"
    return view._pixels

"""The rig raises where a name does not exist, and calls slots as Slicer does."""

from __future__ import annotations

import functools

import pytest
import rig

rig.require()

import ctk
import qt
import slicer

UI = """<ui version="4.0"><class>Form</class><widget class="QWidget" name="Form">
<layout class="QVBoxLayout" name="rows">
<item><widget class="{widget}" name="one"><property name="{property}" {dynamic}><string>text</string></property>
</widget></item><item><widget class="qMRMLNodeComboBox" name="two"/></item></layout></widget>
<connections><connection><sender>{sender}</sender><signal>{signal}</signal><receiver>two</receiver><slot>{slot}</slot>
</connection></connections></ui>"""
GOOD = {
    "widget": "QPushButton",
    "property": "text",
    "dynamic": "",
    "sender": "one",
    "signal": "toggled(bool)",
    "slot": "setEnabled(bool)",
}


def load_ui(folder, **changes):
    (folder / "form.ui").write_text(UI.format(**{**GOOD, **changes}))
    return slicer.util.loadUI(str(folder / "form.ui"))


MISTAKES = [
    (lambda: qt.QNothing, AttributeError),
    (lambda: qt.Signal, AttributeError),  # PySide's, not Slicer's
    (lambda: ctk.ctkNothing, AttributeError),
    (lambda: slicer.qMRMLNothing, AttributeError),
    (lambda: slicer.app.nothing, AttributeError),
    (lambda: slicer.modules.nothing, AttributeError),
    (lambda: qt.QLabel("text").text(), TypeError),  # a property
    (lambda: setattr(qt.QLabel(), "txt", "a"), AttributeError),
    (lambda: setattr(ctk.ctkSliderWidget(), "valeu", 1), AttributeError),
    (lambda: setattr(slicer.qMRMLNodeComboBox(), "nodeType", ()), AttributeError),
    (lambda: qt.QPushButton().connect("clcked()", print), AttributeError),
    (lambda: qt.QPushButton().connect("clicked", print), AttributeError),
    (lambda: qt.QPushButton().connect("clicked(int)", print), AttributeError),
    (lambda: qt.QComboBox().connect("currentIndexChanged(QString)", print), AttributeError),  # gone in Qt 6
    (lambda: slicer.qMRMLNodeComboBox().connect("currentNodeChanged(vtkMRMLNode)", print), AttributeError),
    (lambda: slicer.util.loadUI("nowhere.ui"), RuntimeError),
]


def test_a_name_that_does_not_exist_is_refused(scene):
    for mistake, error in MISTAKES:
        with pytest.raises(error):
            mistake()


def test_a_mistake_in_a_ui_file_is_refused(scene, tmp_path):
    load_ui(tmp_path)
    for mistake in (
        {"widget": "ctkNothing"}, {"property": "txet"}, {"sender": "nobody"}, {"signal": "tgled(bool)"},
        {"slot": "setEnable(bool)"},
    ):  # fmt: skip
        with pytest.raises((RuntimeError, AttributeError)):
            load_ui(tmp_path, **mistake)


def test_a_ui_file_has_its_widgets_connections_and_dynamic_properties(scene, tmp_path):
    form = load_ui(tmp_path, property="SlicerParameterName", dynamic='stdset="0"')
    ui = slicer.util.childWidgetVariables(form)
    assert type(ui.two) is slicer.qMRMLNodeComboBox
    assert ui.one.property("SlicerParameterName") == "text"
    ui.one.checkable = True
    assert not ui.two.enabled
    ui.one.checked = True
    assert ui.two.enabled


def test_a_slot_gets_what_the_signature_and_it_have(scene):
    for signature, slot, expected in [
        ("clicked()", lambda *given: given, ()),
        ("clicked(bool)", lambda *given: given, (False,)),
        ("clicked(bool)", lambda: (), ()),
        ("clicked()", lambda given="default": (given,), ("default",)),
        ("clicked(bool)", lambda given="default": (given,), (False,)),
    ]:
        heard, button = [], qt.QPushButton()
        listener = heard_by(heard, slot)
        button.connect(signature, listener)
        button.click()
        button.disconnect(signature, listener)
        button.click()
        assert heard == [expected], signature


def heard_by(heard, slot):
    """A listener that has the parameters of ``slot``."""
    return functools.wraps(slot)(lambda *given: heard.append(slot(*given)))


def show(widget):
    widget.show()
    rig.process_events(50)


def test_an_exception_in_a_slot_timer_observer_or_event_is_collected(scene, slicer_app):
    def fail(*_):
        raise ZeroDivisionError

    class Widget(qt.QWidget):
        def paintEvent(self, event):  # noqa: N802
            raise ZeroDivisionError

    button, widget = qt.QPushButton(), Widget()
    button.connect("clicked()", fail)
    qt.QTimer.singleShot(0, fail)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode")
    node.AddObserver("ModifiedEvent", fail)
    for cause in (button.click, slicer_app.processEvents, node.Modified, lambda: show(widget)):
        assert slicer_app.errors == []
        cause()
        assert [type(error) for error in slicer_app.errors] == [ZeroDivisionError]
        slicer_app.errors.clear()


def test_what_qt_complains_of_is_collected(scene, slicer_app):
    widget = qt.QWidget()
    qt.QVBoxLayout(widget)
    qt.QVBoxLayout(widget)  # a second layout
    assert "already has a layout" in str(slicer_app.errors.pop())


def test_message_boxes_are_recorded_and_answered(scene):
    slicer.util.errorDisplay("no")
    rig.answer(False)
    assert [slicer.util.confirmOkCancelDisplay("sure?") for _ in range(2)] == [False, True]
    assert rig.messages == [("error", "no"), ("OkCancel", "sure?"), ("OkCancel", "sure?")]


def test_file_dialogs_and_pages_do_not_wait_for_anybody(scene):
    rig.choose_files("/some/file")
    rig.choose_files("/a", "/b")
    rig.choose_files()
    assert qt.QFileDialog.getOpenFileName(None, "title", "/", "All (*)") == "/some/file"
    assert qt.QFileDialog.getOpenFileNames(None, "title") == ("/a", "/b")
    assert qt.QFileDialog.getExistingDirectory(None, "title") == ""
    with pytest.raises(AssertionError, match="nobody said"):
        qt.QFileDialog.getSaveFileName(None, "title")
    qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/page"))
    assert rig.opened_urls == ["https://example.org/page"]


def test_settings_are_the_applications_own_and_forgotten_after_a_test(scene, slicer_app):
    qt.QSettings().setValue("Rig/key", "value")
    assert slicer_app.settings().value("Rig/key") == "value"
    assert qt.QSettings().fileName().startswith(str(slicer_app._folder))
    rig.reset()
    assert qt.QSettings().value("Rig/key") is None

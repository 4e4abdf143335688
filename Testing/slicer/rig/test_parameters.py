"""The stand-in of the parameter node wrapper: what is kept with the scene, what widgets show, what is refused."""

# No postponed annotations: the wrapper reads those of the class below as they are.
import enum
import pathlib
from typing import Annotated, Optional

import pytest
import rig

rig.require()

import ctk
import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, Default, Maximum, Minimum, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic


class Shade(enum.Enum):
    DARK = 1
    LIGHT = 2


@parameterNodeWrapper
class Parameters:
    volume: vtkMRMLScalarVolumeNode
    switch: bool = True
    count: Annotated[int, WithinRange(1, 9), Default(4)]
    share: Annotated[float, Minimum(0), Maximum(1)] = 0.5
    name: str
    kind: Annotated[str, Choice(["", "a", "b"])] = "a"
    folder: pathlib.Path
    shade: Shade
    maybe: Optional[int]  # noqa: UP045 - as modules for Slicer write it
    names: list[str]


DEFAULTS = {
    "volume": None,
    "switch": True,
    "count": 4,
    "share": 0.5,
    "name": "",
    "kind": "a",
    "folder": pathlib.Path(),
    "shade": Shade.DARK,
    "maybe": None,
    "names": [],
}
OTHERS = {
    "switch": False,
    "count": 9,
    "share": 1,
    "name": "with space, and: more;",
    "kind": "",
    "folder": pathlib.Path("/some/where"),
    "shade": Shade.LIGHT,
    "maybe": 3,
    "names": ["one", "two"],
}


class Logic(ScriptedLoadableModuleLogic):
    def __init__(self):
        super().__init__()
        self.moduleName = "RigParameters"


def make():
    return Parameters(Logic().getParameterNode())


def values(parameters):
    return {name: getattr(parameters, name) for name in DEFAULTS}


def test_the_values_survive_saving_and_loading_the_scene(scene, tmp_path):
    parameters = make()
    assert values(parameters) == DEFAULTS
    for name, value in OTHERS.items():
        setattr(parameters, name, value)
    parameters.volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "kept")
    parameters.names.append("three")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    scene.Clear(0)
    assert values(make()) == DEFAULTS
    slicer.util.loadScene(str(tmp_path / "scene.mrml"))
    loaded = values(make())
    assert loaded.pop("volume") is slicer.util.getNode("kept")
    assert loaded == {**OTHERS, "names": ["one", "two", "three"]}


def test_it_is_stored_where_slicer_stores_it(scene):
    parameters = make()
    parameters.volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    node = parameters.parameterNode
    assert node.GetClassName() == "vtkMRMLScriptedModuleNode"
    assert node.GetNodeReference("volume") is parameters.volume
    assert [node.GetParameter(name) for name in ("switch", "count", "share", "shade")] == ["True", "4", "0.5", "DARK"]


def test_two_wrappers_of_one_node_agree_and_observers_hear(scene):
    first, second, heard = make(), make(), []
    assert first.parameterNode is second.parameterNode
    tag = first.AddObserver("ModifiedEvent", lambda *_: heard.append(first.count))
    second.count = 7
    first.RemoveObserver(tag)
    assert (first.count, heard) == (7, [7])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("count", 10, ValueError),
        ("count", 1.5, TypeError),
        ("count", None, ValueError),
        ("share", -0.1, ValueError),
        ("share", "1", TypeError),
        ("kind", "c", ValueError),
        ("switch", 1, TypeError),
        ("volume", "vtkMRMLScalarVolumeNode1", TypeError),
        ("names", [1], TypeError),
        ("maybe", "x", TypeError),
    ],
)
def test_what_is_not_allowed_is_refused_and_changes_nothing(scene, name, value, error):
    parameters = make()
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert values(parameters) == DEFAULTS


WIDGETS = {
    "volume": lambda: slicer.qMRMLNodeComboBox(),
    "switch": lambda: qt.QCheckBox(),
    "count": lambda: qt.QSpinBox(),
    "share": lambda: ctk.ctkSliderWidget(),
    "name": lambda: qt.QLineEdit(),
    "kind": lambda: qt.QComboBox(),
    "folder": lambda: ctk.ctkPathLineEdit(),
    "shade": lambda: qt.QComboBox(),
}


class Ui:
    def __init__(self, scene):
        for name, make_widget in WIDGETS.items():
            widget = make_widget()
            widget.setProperty("SlicerParameterName", name)
            setattr(self, name, widget)
        self.volume.setMRMLScene(scene)
        self.volume.noneEnabled = True
        self.share.decimals = 2


def shown(ui):
    return {
        "volume": ui.volume.currentNode(),
        "switch": ui.switch.checked,
        "count": ui.count.value,
        "share": ui.share.value,
        "name": ui.name.text,
        "kind": ui.kind.currentText,
        "folder": pathlib.Path(ui.folder.currentPath),
        "shade": Shade[ui.shade.currentText],
    }


def test_widgets_show_the_values_and_change_them(scene):
    parameters, ui = make(), Ui(scene)
    assert parameters.connectGui(ui) is None  # as Slicer's
    assert shown(ui) == {name: DEFAULTS[name] for name in WIDGETS}
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    ui.volume.setCurrentNode(volume)
    ui.switch.checked, ui.count.value, ui.share.value = False, 9, 1.0
    ui.name.text, ui.kind.currentText, ui.folder.currentPath = OTHERS["name"], "b", "/some/where"
    ui.shade.currentIndex = 1
    assert shown(ui) == {name: getattr(parameters, name) for name in WIDGETS}
    scene.RemoveNode(volume)
    assert (parameters.volume, ui.volume.currentNode()) == (None, None)


def test_a_widget_that_is_disconnected_is_left_alone(scene):
    parameters, ui = make(), Ui(scene)
    tag = parameters.connectParametersToGui({"count": ui.count})
    parameters.disconnectGui(tag)
    parameters.count = 8
    ui.count.value = 2
    assert (parameters.count, ui.count.value) == (8, 2)


@pytest.mark.parametrize(("name", "widget"), [("nothing", "count"), ("count", "share"), ("share", "name")])
def test_a_widget_that_cannot_show_a_parameter_is_refused(scene, name, widget):
    parameters, ui = make(), Ui(scene)
    with pytest.raises((RuntimeError, ValueError)):
        parameters.connectParametersToGui({name: getattr(ui, widget)})

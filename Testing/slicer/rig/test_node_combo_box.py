"""The node selector does what Slicer's does, where modules are known to stumble."""

from __future__ import annotations

import pytest
import rig

rig.require()

import slicer

VOLUME = "vtkMRMLScalarVolumeNode"


@pytest.fixture
def make(scene):
    """``make(**properties)``: a selector of volumes, and what it told of."""

    def make(**properties):
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = [VOLUME]
        for name, value in properties.items():
            setattr(selector, name, value)
        heard = []
        selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
        selector.setMRMLScene(scene)
        return selector, heard

    return make


def add(scene, name, kind=VOLUME):
    return scene.AddNewNodeByClass(kind, name)


def test_it_is_disabled_until_it_has_a_scene(scene):
    selector = slicer.qMRMLNodeComboBox()
    assert not selector.enabled
    selector.setMRMLScene(scene)
    assert selector.enabled


def test_without_none_the_first_node_selects_itself_but_not_after_none_was_set(make, scene):
    selector, heard = make()
    first = add(scene, "first")
    add(scene, "second")
    assert selector.currentNode() is first
    assert heard == [first]
    selector.setCurrentNode(None)
    add(scene, "third")
    assert selector.currentNode() is None


def test_with_none_nothing_selects_itself(make, scene):
    selector, heard = make(noneEnabled=True)
    add(scene, "first")
    assert (selector.currentNode(), heard) == (None, [])


def test_a_removed_node_is_let_go(make, scene):
    selector, heard = make(noneEnabled=True)
    node = add(scene, "first")
    selector.setCurrentNode(node)
    scene.RemoveNode(node)
    assert (selector.currentNode(), heard[-1]) == (None, None)


@pytest.mark.parametrize(
    ("properties", "kind", "suits"),
    [
        ({}, VOLUME, True),
        ({}, "vtkMRMLLabelMapVolumeNode", True),
        ({"showChildNodeTypes": False}, "vtkMRMLLabelMapVolumeNode", False),
        ({}, "vtkMRMLTextNode", False),
    ],
)
def test_which_nodes_it_offers(make, scene, properties, kind, suits):
    selector, _ = make(noneEnabled=True, **properties)
    node = add(scene, "node", kind)
    selector.setCurrentNode(node)
    assert selector.currentNode() is (node if suits else None)
    assert selector.nodeCount() == suits


def test_it_waits_while_the_scene_is_loaded(make, scene):
    selector, _ = make(noneEnabled=True)
    scene.StartState(scene.BatchProcessState)
    add(scene, "first")
    assert "first" not in items(selector)
    scene.EndState(scene.BatchProcessState)
    assert "first" in items(selector)


def test_names_are_followed_and_types_are_a_tuple(make, scene):
    selector, _ = make()
    add(scene, "old").SetName("new")
    assert items(selector)[0] == "new"
    assert selector.nodeTypes == (VOLUME,)


def test_a_user_chooses_and_creates(make, scene):
    selector, heard = make(noneEnabled=True)
    selector.show()
    node = add(scene, "first")
    rig.choose(selector, "first")
    assert selector.currentNode() is node
    rig.choose(selector, "Create new ScalarVolume")
    assert selector.currentNode().GetClassName() == VOLUME
    assert len(heard) == 2


def test_its_observers_end_with_it(make, scene):
    selector, _ = make()
    selector.delete()
    del selector
    rig.process_events()
    add(scene, "later")  # would be heard by a widget that is gone, and raise


def items(selector):
    from PySide6.QtWidgets import QComboBox

    combo = selector.findChild(QComboBox)
    return [combo.itemText(row) for row in range(combo.count)]


def test_it_keeps_no_removed_node_alive(make, scene):
    selector, heard = make()
    node = add(scene, "first")
    gone = []
    node.AddObserver("DeleteEvent", lambda *_: gone.append(True))
    scene.RemoveNode(node)
    heard.clear()
    del node
    assert (gone, selector.currentNode()) == ([True], None)

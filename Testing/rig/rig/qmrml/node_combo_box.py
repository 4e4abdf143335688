"""qMRMLNodeComboBox: choosing a node of the scene, with what is peculiar to Slicer's own.

- It is disabled until it has a scene; a .ui file without its connections leaves it so.
- Without ``noneEnabled`` the first suitable node selects itself, but not any more after ``setCurrentNode``, None too.
- A node that is removed, or that is not suitable, cannot stay selected.
- While the scene is loaded or closed (batch processing) it waits for the end.
- The observers of the scene end with the widget.
"""

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from ..stand_in import custom_widget, ignored


def _flag(name):
    def set_flag(self, value):
        self._flags[name] = bool(value)
        self._update()

    return Property(bool, lambda self: self._flags[name], set_flag), set_flag


FLAGS = {
    "noneEnabled": False,
    "addEnabled": True,
    "removeEnabled": True,
    "renameEnabled": False,
    "editEnabled": False,
    "showHidden": False,
    "showChildNodeTypes": True,
    "selectNodeUponCreation": True,
}


@custom_widget
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box of the nodes of some types."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    nodeActivated = Signal(object)
    signal_types = {  # noqa: RUF012
        f"{name}(vtkMRMLNode*)": f"{name}(PyObject)"
        for name in (
            "currentNodeChanged",
            "nodeAdded",
            "nodeAddedByUser",
            "nodeAboutToBeRemoved",
            "nodeAboutToBeEdited",
            "nodeActivated",
        )
    }

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._current, self._was_set = None, None, False
        self._types, self._attributes, self._flags = [], {}, dict(FLAGS)
        self._base_name, self._none_display = "", "None"
        self._combo = QtWidgets.QComboBox(self)
        self._combo.activated.connect(self._activate)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._observations, self._name_observations = both = [], []
        self.destroyed.connect(lambda: [_remove_all(observations) for observations in both])
        self.setEnabled(False)

    # -- scene

    def setMRMLScene(self, scene):
        if scene is self._scene:
            return
        _remove_all(self._observations)
        self._scene, self._was_set = scene, False
        if scene:
            for event, observer in (
                (slicer.vtkMRMLScene.NodeAddedEvent, self._scene_changed),
                (slicer.vtkMRMLScene.NodeRemovedEvent, self._scene_changed),
                (slicer.vtkMRMLScene.EndBatchProcessEvent, self._scene_changed),
                (slicer.vtkMRMLScene.EndCloseEvent, self._scene_changed),
            ):
                self._observations.append((scene, scene.AddObserver(event, observer)))
        self.setEnabled(scene is not None)
        self._update()

    def mrmlScene(self):
        return self._scene

    def _scene_changed(self, caller, event):
        self._update()

    def _node_renamed(self, node, event):
        row = self._combo.findData(node.GetID())
        if row >= 0 and self._combo.itemText(row) != node.GetName():
            self._combo.setItemText(row, node.GetName())
            if node is self._current:
                self.currentNodeRenamed.emit(node.GetName())

    # -- which nodes

    def _suits(self, node):
        if node.GetHideFromEditors() and not self._flags["showHidden"]:
            return False
        return any(self._is_of(node, kind) for kind in self._types)

    def _is_of(self, node, kind):
        if not (node.IsA(kind) if self._flags["showChildNodeTypes"] else node.GetClassName() == kind):
            return False
        wanted = self._attributes.get(kind, {})
        have = {name: node.GetAttribute(name) for name in wanted}
        return all(have[name] is not None and value in (None, have[name]) for name, value in wanted.items())

    def _nodes(self):
        if self._scene is None:
            return []
        found = dict.fromkeys(node for kind in self._types for node in self._of_class(kind))
        in_order = found if len(self._types) < 2 else sorted(found, key=self._scene.IsNodePresent)  # tells its place
        return [node for node in in_order if self._suits(node)]

    def _of_class(self, kind):
        nodes = self._scene.GetNodesByClass(kind)
        nodes.UnRegister(None)  # VTK counts it twice
        return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]

    def _update(self):
        if self._scene is None or self._scene.IsBatchProcessing():
            return
        nodes = self._nodes()
        current = self._current if self._current in nodes else None
        if current is None and nodes and not self._flags["noneEnabled"] and not self._was_set:
            current = nodes[0]
            self._was_set = True
        self._fill(nodes)
        self._observe_names(nodes)
        self._select(current)

    def _fill(self, nodes):
        items = [(self._none_display, "")] if self._flags["noneEnabled"] or not nodes else []
        items += [(node.GetName(), node.GetID()) for node in nodes]
        if self._flags["addEnabled"]:
            items += [(f"Create new {_label(kind)}", f"+{kind}") for kind in self._types]
        combo = self._combo
        # Slicer's model changes only what has changed: a list that is open under the user's mouse stays as it is.
        if items != [(combo.itemText(row), combo.itemData(row)) for row in range(combo.count)]:
            combo.clear()
            for text, data in items:
                combo.addItem(text, data)

    def _observe_names(self, nodes):
        _remove_all(self._name_observations)  # of nodes that are gone, too: nothing here keeps them
        for node in nodes:
            self._name_observations.append((node, node.AddObserver("ModifiedEvent", self._node_renamed)))

    # -- choosing

    def _select(self, node):
        self._combo.setCurrentIndex(self._combo.findData(node.GetID() if node else ""))
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)
            self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _activate(self, row):
        data = self._combo.itemData(row)
        if data.startswith("+"):
            self.addNode(data[1:])
        else:
            self._was_set = True
            self._select(self._scene.GetNodeByID(data) if data else None)
            self.nodeActivated.emit(self._current)

    def addNode(self, nodeType=""):
        kind = nodeType or self._types[0]
        name = self._scene.GenerateUniqueName(self._base_name or _label(kind))
        node = self._scene.AddNewNodeByClass(kind, name)
        for attribute, value in self._attributes.get(kind, {}).items():
            node.SetAttribute(attribute, value or "")
        self._update()
        if self._flags["selectNodeUponCreation"]:
            self._select(node)
        self.nodeAddedByUser.emit(node)
        return node

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node):
        self._was_set = True
        if isinstance(node, str):
            node = self._scene.GetNodeByID(node) if self._scene else None
        self._update()
        self._select(node if node in self._nodes() else None)

    def setCurrentNodeID(self, nodeID):
        self.setCurrentNode(nodeID)

    def setCurrentNodeIndex(self, index):
        self.setCurrentNode(self._nodes()[index])

    def nodeCount(self):
        return len(self._nodes())

    def nodeFromIndex(self, index):
        return self._nodes()[index]

    def setNodeTypes(self, types):
        self._types = list(types)
        self._update()

    def addAttribute(self, nodeType, attributeName, attributeValue=None):
        self._attributes.setdefault(nodeType, {})[attributeName] = attributeValue
        self._update()

    def removeAttribute(self, nodeType, attributeName):
        self._attributes.get(nodeType, {}).pop(attributeName, None)
        self._update()

    def setBaseName(self, name, nodeType=""):
        self._base_name = name

    def setNoneDisplay(self, text):
        self._none_display = text
        self._update()

    nodeTypes = Property("QStringList", lambda self: tuple(self._types), setNodeTypes)  # a tuple in PythonQt
    currentNodeID = Property(str, lambda self: self._current.GetID() if self._current else "", setCurrentNodeID)
    baseName = Property(str, lambda self: self._base_name, setBaseName)
    noneDisplay = Property(str, lambda self: self._none_display, setNoneDisplay)
    noneEnabled, setNoneEnabled = _flag("noneEnabled")
    addEnabled, setAddEnabled = _flag("addEnabled")
    removeEnabled, setRemoveEnabled = _flag("removeEnabled")
    renameEnabled, setRenameEnabled = _flag("renameEnabled")
    editEnabled, setEditEnabled = _flag("editEnabled")
    showHidden, setShowHidden = _flag("showHidden")
    showChildNodeTypes, setShowChildNodeTypes = _flag("showChildNodeTypes")
    selectNodeUponCreation, setSelectNodeUponCreation = _flag("selectNodeUponCreation")
    nodeTypeLabel = ignored("")
    hideChildNodeTypes = ignored((), "QStringList")
    interactionNodeSingletonTag = ignored("")


def _label(kind):
    return kind.removeprefix("vtkMRML").removesuffix("Node")


def _remove_all(observations):
    for observed, tag in observations:
        observed.RemoveObserver(tag)
    observations.clear()

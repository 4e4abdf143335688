"""qSlicerCoreIOManager: reading and writing nodes through the real module logics."""

import os

import slicer
from PySide6 import QtCore

from .stand_in import stand_in

FILE_TYPES = {
    "SceneFile": (".mrml", ".mrb"),
    "SegmentationFile": (".seg.nrrd", ".seg.nhdr"),
    "TransformFile": (".h5", ".tfm", ".txt", ".mat"),
    "SequenceFile": (".seq.nrrd", ".seq.mha", ".seq.nhdr", ".igs.mha", ".igs.nrrd"),
    "ModelFile": (".vtk", ".vtp", ".stl", ".ply", ".obj"),
    "MarkupsFile": (".mrk.json", ".fcsv"),
}


def _load(kind, path, name, properties):
    modules = slicer.modules
    if kind == "VolumeFile":
        options = (1 if properties.get("labelmap") else 0) + (2 if properties.get("center") else 0)
        return modules.volumes.logic().AddArchetypeVolume(path, name, options)
    if kind == "SegmentationFile":
        return modules.segmentations.logic().LoadSegmentationFromFile(path, True, name)
    if kind == "TransformFile":
        return modules.transforms.logic().AddTransform(path, slicer.mrmlScene)
    if kind == "ModelFile":
        return modules.models.logic().AddModel(path)
    if kind == "MarkupsFile":
        return slicer.mrmlScene.GetNodeByID(modules.markups.logic().LoadMarkups(path, name))
    if kind == "SequenceFile":
        return modules.sequences.logic().AddSequence(path)
    raise RuntimeError(f"the rig cannot read a {kind}")


@stand_in
class qSlicerCoreIOManager(QtCore.QObject):
    """Of the file types that the project reads and writes."""

    def fileType(self, path):
        lower = path.lower()
        for kind, endings in FILE_TYPES.items():
            if lower.endswith(endings):
                return kind
        return "VolumeFile"

    def loadNodes(self, fileType, properties, loadedNodes=None, userMessages=None):
        path = str(properties["fileName"])
        if fileType == "SceneFile":
            return self.loadScene(path, properties.get("clear", False))
        name = properties.get("name") or os.path.basename(path).split(".")[0]
        node = _load(fileType, path, name, properties)
        if node is not None and loadedNodes is not None:
            loadedNodes.AddItem(node)
        return node is not None

    def loadScene(self, path, clear=True):
        if path.lower().endswith(".mrb"):
            return bool(slicer.mrmlScene.ReadFromMRB(path, clear))
        slicer.mrmlScene.SetURL(path)
        return bool(slicer.mrmlScene.Connect() if clear else slicer.mrmlScene.Import())

    def saveScene(self, path, screenShot=None):
        if path.lower().endswith(".mrb"):
            return bool(slicer.mrmlScene.WriteToMRB(path))
        return bool(slicer.mrmlScene.Commit(path))

    def saveNodes(self, fileType, properties, userMessages=None):
        if fileType == "SceneFile":
            return self.saveScene(str(properties["fileName"]))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        if storage is None:
            return False
        storage.SetFileName(properties["fileName"])
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node))

    def fileWriterFileType(self, node, fileName=""):
        return "NodeFile"

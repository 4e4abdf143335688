"""slicer.mrmlScene with the logics of Slicer's C++ modules."""

import slicer

from .module_manager import CoreModule

LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Units": "vtkSlicerUnitsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
}


def make_scene(app):
    """Make the scene, and register the logics with it and as ``slicer.modules.<name>.logic()``."""
    slicer.mrmlScene = slicer.vtkMRMLScene()
    _give_cache(slicer.mrmlScene, str(app._folder / "cache"))
    logic = app._logic = slicer.vtkSlicerApplicationLogic()
    logic.SetHomeDirectory(app.slicerHome)
    logic.SetShareDirectory("share")
    logic.SetTemporaryPath(app.temporaryPath)
    logic.SetMRMLScene(slicer.mrmlScene)
    slicer.mrmlScene.RegisterNodeClass(slicer.vtkMRMLCommandLineModuleNode())
    for name, cls in LOGICS.items():
        _add_module(app, name, getattr(slicer, cls)())
    logic.SetColorLogic(slicer.modules.colors.logic())


def _give_cache(scene, folder):
    """Reading .mrb files needs it."""
    cache, data = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(folder)
    data.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(data)


def _add_module(app, name, logic):
    if hasattr(logic, "SetMRMLApplicationLogic"):
        logic.SetMRMLApplicationLogic(app._logic)
    if hasattr(logic, "SetModuleShareDirectory"):
        logic.SetModuleShareDirectory(app.slicerHome)
    logic.SetMRMLScene(slicer.mrmlScene)
    app._modules._add(name, CoreModule(name, logic))
    app._logic.SetModuleLogic(name, logic)

"""Which classes are found in the module ``slicer``."""

import types

from .. import application, io_manager, module_manager
from . import layout_manager, main_window, node_combo_box, numbers, slice_view, slice_widget, widget

CLASSES = {
    name: value
    for module in (
        application,
        io_manager,
        layout_manager,
        main_window,
        module_manager,
        node_combo_box,
        numbers,
        slice_view,
        slice_widget,
        widget,
    )
    for name, value in vars(module).items()
    if name.startswith(("qMRML", "qSlicer"))
}


def subject_hierarchy_widgets():
    """The module that Slicer's own parameterNodeWrapper imports; no module of ours uses its widget."""
    module = types.ModuleType("qSlicerSubjectHierarchyModuleWidgetsPythonQt")
    module.qMRMLSubjectHierarchyTreeView = type("qMRMLSubjectHierarchyTreeView", (), {})
    return module

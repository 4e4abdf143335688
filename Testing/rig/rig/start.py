"""Starting the rig: what it needs, Python modules under Slicer's names, the scene, the application, the window."""

from __future__ import annotations

import atexit
import ctypes
import functools
import importlib.util
import os
import sys
import threading
import types
from pathlib import Path
from typing import Any

STAND_INS = Path(__file__).parent / "slicer_python"
PACKAGES = {"slicer_core": "slicer-core", "PySide6": "PySide6-Essentials"}
#: One of each line is needed; the last are drivers that can draw without a screen.
LIBRARIES = (
    ("libEGL.so.1",),
    ("libGL.so.1",),
    ("libOpenGL.so.0",),
    ("libxkbcommon.so.0",),
    ("libdbus-1.so.3",),
    ("libfontconfig.so.1",),
    ("libEGL_mesa.so.0", "libEGL_nvidia.so.0", "libOSMesa.so.8", "libOSMesa.so.6"),
)


class CannotStart(ImportError):  # noqa: N818 - read as a sentence
    """The rig cannot start here; the message says what is missing."""


def check() -> None:
    """Raise CannotStart if a package or a system library is missing; Qt would end the process."""
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            raise CannotStart(f"the Python package {package} is not installed; `make test` installs it")
    for names in LIBRARIES:
        if not any(_can_be_loaded(name) for name in names):
            raise CannotStart(
                f"the system library {names[0]} is missing; Testing/rig/system_packages.sh installs it, or says how"
            )


def _can_be_loaded(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@functools.cache
def start() -> Any:
    """``slicer.app``, made at the first call.

    Raises:
        CannotStart: where something is missing.
    """
    check()
    _make_immortal()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import slicer
    import slicer.util

    slicer.__path__.append(os.environ.get("SLICER_PY") or str(STAND_INS))
    for name in ("modules", "moduleNames"):
        _register(f"slicer.{name}", types.ModuleType(f"slicer.{name}"))
    _make_quiet()
    from . import qt

    sys.modules["qt"] = qt
    from . import ctk

    sys.modules["ctk"] = ctk
    _start_application()
    return slicer.app


def _make_immortal() -> None:
    """PySide6 returns None without counting the reference, as is right from Python 3.12 on; before, it ends Python."""
    if sys.version_info < (3, 12):
        for value in (None, True, False):
            ctypes.c_ssize_t.from_address(id(value)).value += 1 << 40


def _register(name: str, module: types.ModuleType) -> None:
    import slicer

    sys.modules[name] = module
    setattr(slicer, name.removeprefix("slicer."), module)


def _make_quiet() -> None:
    """Without the terminologies and colours of an installed Slicer its logics complain at their start."""
    import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)


def _start_application() -> None:
    import slicer
    import vtk

    from . import choosing, message_boxes, pip, qt_messages, sample_data
    from .application import make_application
    from .qmrml import layout_manager, main_window, names
    from .scene import make_scene

    app = slicer.app = make_application()
    _collect_errors(app.errors)
    qt_messages.collect(app.errors)
    for name, cls in names.CLASSES.items():
        setattr(slicer, name, cls)
    sys.modules["qSlicerSubjectHierarchyModuleWidgetsPythonQt"] = names.subject_hierarchy_widgets()
    make_scene(app)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
    message_boxes.install(slicer.util)
    pip.install(slicer.util)
    choosing.install()
    app._layout_manager = layout_manager.qMRMLLayoutManager(slicer.mrmlScene, app._logic)
    app._main_window = main_window.qSlicerMainWindow(app._layout_manager)
    app._main_window.show()
    _settle(slicer.mrmlScene)
    sample_data.install()
    atexit.register(_stop)
    app.startupCompleted.emit()


def _settle(scene: Any) -> None:
    """Displayable managers look for their nodes when a batch of changes ends, as one does while Slicer starts."""
    import slicer

    state = slicer.vtkMRMLScene.BatchProcessState
    scene.StartState(state)
    scene.EndState(state)


def _stop() -> None:
    """Quit as Slicer does, and take apart what Python would in an order of its own."""
    import slicer
    import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    slicer.app.aboutToQuit.emit()
    slicer.app._main_window.close()
    slicer.mrmlScene.Clear(0)
    slicer.app._layout_manager._take_apart()


def _collect_errors(errors: list[BaseException]) -> None:
    """What a slot, a timer, an observer or a thread raises is printed, and kept."""
    print_exception, print_thread_exception = sys.excepthook, threading.excepthook

    def hook(kind: Any, value: Any, trace: Any) -> None:
        errors.append(value)
        print_exception(kind, value, trace)

    def thread_hook(arguments: Any) -> None:
        errors.append(arguments.exc_value)
        print_thread_exception(arguments)

    sys.excepthook, threading.excepthook = hook, thread_hook


def reset() -> None:
    """As a user finds Slicer after closing the scene: empty, no messages, no errors, the views as they begin."""
    import slicer

    from . import choosing, message_boxes, pip

    slicer.mrmlScene.Clear(0)
    message_boxes.clear()
    choosing.clear()
    pip.requests.clear()
    slicer.app.settings().clear()
    slicer.app.layoutManager()._reset()
    slicer.app.processEvents()
    slicer.app.errors.clear()

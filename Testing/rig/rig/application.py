"""slicer.app: the application object."""

import os
import tempfile
from pathlib import Path

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .io_manager import qSlicerCoreIOManager
from .module_manager import qSlicerModuleManager
from .stand_in import getter, stand_in

DOCUMENTATION = "https://slicer.readthedocs.io/en/latest/"


@stand_in
class qSlicerApplication(QtWidgets.QApplication):
    """One user's Slicer, in a folder of its own.

    Args:
        folder: for settings, temporary files and the cache of downloads.
    """

    startupCompleted = Signal()
    applicationName = mainApplicationName = "Slicer"
    majorVersion, minorVersion, applicationVersion, revision = 5, 13, "5.13.0", "31053"
    os, platform = "linux", "linux-amd64"
    documentationBaseUrl = DOCUMENTATION
    #: Of the rig alone: what was raised where nobody could catch it.
    errors: list = []  # noqa: RUF012

    def __init__(self, folder):
        super().__init__(["Slicer"])
        self._folder = Path(folder)
        self._modules, self._io = qSlicerModuleManager(self), qSlicerCoreIOManager(self)
        self._settings = self._make_settings()
        self._logic, self._layout_manager = None, None
        for name in ("home", "temporary", "cache"):
            (self._folder / name).mkdir()

    def _make_settings(self):
        """Those that ``qt.QSettings()`` gives too; never the user's own."""
        ini = QtCore.QSettings.Format.IniFormat
        self.setOrganizationName("rig")
        QtCore.QSettings.setDefaultFormat(ini)
        QtCore.QSettings.setPath(ini, QtCore.QSettings.Scope.UserScope, str(self._folder))
        return QtCore.QSettings()

    slicerHome = property(lambda self: str(self._folder / "home"))
    temporaryPath = property(lambda self: str(self._folder / "temporary"))

    moduleManager = getter("_modules")
    coreIOManager = ioManager = getter("_io")
    layoutManager = getter("_layout_manager")
    applicationLogic = getter("_logic")
    settings = userSettings = revisionUserSettings = getter("_settings")

    def mrmlScene(self):
        return slicer.mrmlScene

    def translate(self, context, text):
        return text

    def testingEnabled(self):
        return False

    def moduleDocumentationUrl(self, name):
        return f"{DOCUMENTATION}user_guide/modules/{name.lower()}.html"

    def pauseRender(self):
        """Slice views render when the event loop comes to it."""

    def resumeRender(self):
        """See :meth:`pauseRender`."""

    def startupEnvironment(self):
        return dict(os.environ)


def make_application():
    """The application, in a new temporary folder."""
    folder = tempfile.TemporaryDirectory(prefix="rig-")
    app = qSlicerApplication(folder.name)
    app._temporary_directory = folder  # removed as the interpreter ends
    return app

"""ctkMessageBox: a message box that can be told not to come again."""

from PySide6 import QtWidgets

from ..stand_in import ignored, stand_in


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """Here it always comes."""

    dontShowAgain = ignored(False)
    dontShowAgainSettingsKey = ignored("")
    dontShowAgainVisible = ignored(False)

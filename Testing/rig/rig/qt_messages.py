"""What Qt itself complains of, such as a process destroyed while it runs: a test fails on it as on an exception."""

from __future__ import annotations

import sys
from typing import Any

from PySide6 import QtCore

#: Said by the platform without a screen, whatever a program does.
HARMLESS = ("This plugin does not support", "QFont", "qt.qpa", "QStandardPaths")


class QtComplaint(Warning):
    """A warning of Qt."""


def collect(errors: list[BaseException]) -> None:
    """From now on, print Qt's warnings and keep them in ``errors``."""

    def handler(kind: Any, context: Any, text: str) -> None:
        if text.startswith(HARMLESS) or (context.category or "").startswith(HARMLESS):
            return
        print(text, file=sys.stderr)
        if kind not in (QtCore.QtMsgType.QtDebugMsg, QtCore.QtMsgType.QtInfoMsg):
            errors.append(QtComplaint(text))

    QtCore.qInstallMessageHandler(handler)

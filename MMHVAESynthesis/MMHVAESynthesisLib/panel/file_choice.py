"""Ask the user for a file or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt


def ask_for_file(parent: qt.QWidget, title: str, kinds: str) -> Path | None:
    """An existing file of the ``kinds`` ("Models (*.zip *.pth)"); None where the user chose none."""
    return _chosen(qt.QFileDialog.getOpenFileName(parent, title, "", kinds))


def ask_where_to_save(parent: qt.QWidget, title: str, name: str) -> Path | None:
    """Where a file is to be written, ``name`` being proposed; None where the user chose nothing."""
    return _chosen(qt.QFileDialog.getSaveFileName(parent, title, name))


def ask_for_folder(parent: qt.QWidget, title: str) -> Path | None:
    """An existing folder; None where the user chose none."""
    return _chosen(qt.QFileDialog.getExistingDirectory(parent, title))


def _chosen(answer: Any) -> Path | None:
    text = answer[0] if isinstance(answer, tuple) else answer  # PySide adds the chosen filter, PythonQt does not
    return Path(text) if text else None

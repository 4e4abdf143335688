"""What an evaluation was begun with: it goes on as it was begun, or its table would mix two things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from .files import read_json, write_json

SETTINGS = "settings.json"


def require_same_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder and write the settings into it, or see that it was made with the same ones.

    Raises:
        InputError: they differ, the file is damaged, or the folder cannot be made.
    """
    path = folder / SETTINGS
    if path.is_file():
        before = read_json(path, dict, "restore it, or choose a new folder.")
        different = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
        if different:
            raise InputError(f"{folder} holds an evaluation with other {', '.join(different)}; choose a new folder.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made; choose another folder for --output.") from error
    write_json(settings, path)

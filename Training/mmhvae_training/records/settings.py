"""What an evaluation was begun with: it goes on as it was begun, or its table would mix two things."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from .files import read_json, write_json

SETTINGS = "settings.json"


def require_same_settings(folder: Path, settings: Mapping[str, Any], begun: bool, name: str = SETTINGS) -> None:
    """Make the folder and write the settings into it, or see that it was begun with the same ones.

    Args:
        settings: what results depend on; a network by the checksum of its weights, as other weights may have its name.
        begun: whether there are results already.
        name: of the file, where more than one evaluation may share the folder.

    Raises:
        InputError: they differ, results are there without any, the file is damaged, or the folder cannot be made.
    """
    path = folder / name
    if path.is_file():
        before = _read(path)
        _refuse(folder, settings, before, before.keys() | settings.keys())
        return
    if begun:
        raise InputError(
            f"{folder} holds results, and no {name} says what made them; choose another folder for --output."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made; choose another folder for --output.") from error
    write_json(settings, path)


def refuse_other_settings(folder: Path, settings: Mapping[str, Any], name: str = SETTINGS) -> None:
    """See that the folder was begun with these settings, where it tells them: for what adds nothing to it.

    Raises:
        InputError: they differ, or the file is damaged.
    """
    if (folder / name).is_file():
        before = _read(folder / name)
        _refuse(folder, settings, before, before.keys() & settings.keys())


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, dict, "restore it, or choose another folder for --output.")


def differing(before: Mapping[str, Any], now: Mapping[str, Any], compared: Set[str] | None = None) -> list[str]:
    """Names of the settings that differ, of all or of those ``compared``; one that is missing is None."""
    names = before.keys() | now.keys() if compared is None else compared
    return sorted(name for name in names if before.get(name) != now.get(name))


def _refuse(folder: Path, settings: Mapping[str, Any], before: Mapping[str, Any], compared: Set[str]) -> None:
    different = differing(before, settings, compared)
    if different:
        raise InputError(f"{folder} was begun with other {', '.join(different)}; choose another folder for --output.")

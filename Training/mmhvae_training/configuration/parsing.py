"""Settings from YAML files and the command line, and what to say where one of them is wrong."""

from __future__ import annotations

import dataclasses
import os
import typing
from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from jsonargparse import ArgumentParser
from mmhvae.exceptions import InputError

OTHER_OPTIONS = ("config", "print_config", "help", "fast-dev-run")


Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Request(Generic[Settings]):
    """What a script was asked for; ``text`` is the resolved configuration as YAML."""

    configuration: Settings
    text: str
    fast_dev_run: bool


def parse_settings(
    arguments: Sequence[str], kind: type[Settings], program: str = "train.py", description: str = ""
) -> Request[Settings]:
    """Read ``--config FILE ... --group.name VALUE ...``; later ones win.

    Args:
        kind: dataclass of the settings; its groups are dataclasses.

    Raises:
        InputError: an unknown setting, with the nearest one that exists; a value that doesn't fit; no such file.
        SystemExit: after ``--help`` or ``--print_config``.
    """
    _refuse_unknown_names(arguments, kind, program)
    parser = _parser(kind, program, description)
    try:
        found = parser.parse_args(list(arguments))
        fast = bool(found.pop("fast_dev_run"))
        text = parser.dump(found, skip_none=False)
        settings = parser.instantiate(found)
        settings.pop("config", None)
        return Request(kind(**vars(settings)), text, fast)
    except (ArgumentError, ValueError) as error:  # ValueError: from the architecture's own rules
        raise InputError(f"The configuration cannot be used: {' '.join(str(error).split())}") from error


def _parser(kind: type, program: str, description: str) -> ArgumentParser:
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    parser = ArgumentParser(prog=program, description=description, exit_on_error=False)
    parser.add_argument("--config", action="config", help="YAML file with settings; several are merged in turn")
    parser.add_argument("--fast-dev-run", action="store_true", help="three steps through every phase, nothing kept")
    parser.add_class_arguments(kind)
    return parser


def setting_names(kind: type, prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings and of their groups."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        yield prefix + field.name
        if dataclasses.is_dataclass(hints[field.name]):
            yield from setting_names(hints[field.name], f"{prefix}{field.name}.")


def _refuse_unknown_names(arguments: Sequence[str], kind: type, program: str) -> None:
    known = [*setting_names(kind), *OTHER_OPTIONS]
    for name, place in _given_names(arguments):
        if name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {nearest[0]}?" if nearest else f"see {program} --help for those there are."
            raise InputError(f"{place} sets {name}, which is no setting; {hint}")


def _given_names(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names on the command line and in the files of ``--config``, with where they stand."""
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if not option.startswith("--"):
            continue
        name, equals, attached = option[2:].partition("=")
        yield name, "The command line"
        if name == "config":
            path = Path(attached if equals else value)
            yield from ((inner, str(path)) for inner in _names_in(_read(path)))


def _names_in(settings: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in settings.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _names_in(value, f"{prefix}{name}.")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The configuration {path} cannot be read; give a YAML file that exists.") from error
    except yaml.YAMLError as error:
        raise InputError(f"The configuration {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"The configuration {path} holds no settings; write them as name: value.")
    return content

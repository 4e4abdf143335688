"""Settings as options of a command: derived from the dataclasses, so that names, defaults and sentences are theirs."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any, TypeVar, get_args, get_origin

from ..fields import Rule, Settings, choices_of, default_of, kind_of, kinds_of, rules_of
from .command_line import Parser, add_device, add_nifti_form

S = TypeVar("S", bound=Settings)


def add_settings(parser: argparse.ArgumentParser, settings: type[Settings], only: Collection[str] = ()) -> None:
    """An option for each field, or for those named; settings within settings get theirs beside them.

    What is given on the command line is checked by the settings themselves, see :func:`settings_from`.
    """
    for name, rule in rules_of(settings).items():
        if only and name not in only:
            continue
        kind, may_be_none = kind_of(kinds_of(settings)[name])
        if _is_settings(kind) and not may_be_none:
            add_settings(parser, kind)
        elif _is_settings(kind):
            _add_group(parser, name, kind, rule, default_of(settings, name))
        else:
            _add(parser, name, kind, rule, default_of(settings, name), choices_of(settings, name))


def add_work(parser: Parser, settings: type[Settings]) -> None:
    """What every command has that works on images: their settings, what counts in a NIfTI file, and where to work."""
    add_settings(parser, settings)
    add_nifti_form(parser)
    add_device(parser)


def settings_from(options: argparse.Namespace, settings: type[S], **fixed: Any) -> S:
    """What the options say, and the defaults of those that were not given; ``fixed``: whatever the options say.

    Raises:
        InputError: a value cannot be used.
    """
    given: dict[str, Any] = {}
    for name, hint in kinds_of(settings).items():
        kind, may_be_none = kind_of(hint)
        if _is_settings(kind) and not may_be_none:
            given[name] = settings_from(options, kind)
        elif hasattr(options, name):
            given[name] = _made(kind, getattr(options, name))
    return settings(**given | fixed)


def _add(
    parser: argparse.ArgumentParser, name: str, kind: Any, rule: Rule, default: Any, choices: tuple[str, ...]
) -> None:
    option, told = f"--{name.replace('_', '-')}", _told(rule, default, choices)
    if kind is bool:
        # A flag that is set by default is there to be taken back.
        action = argparse.BooleanOptionalAction if default else "store_true"
        parser.add_argument(option, action=action, default=argparse.SUPPRESS, help=told)
    elif get_origin(kind) is tuple:
        count = len(get_args(kind))
        metavar = tuple(rule.help.split(":")[0].split())  # such as X Y W H
        parser.add_argument(option, nargs=count, metavar=metavar, default=argparse.SUPPRESS, help=told)
    else:
        shown = "|".join(filter(None, choices)) or {int: "N", float: "X"}.get(kind, "NAME")
        parser.add_argument(option, metavar=shown, default=argparse.SUPPRESS, help=told)


def _add_group(parser: argparse.ArgumentParser, name: str, kind: type[Settings], rule: Rule, default: Any) -> None:
    """``--prior MM DEG``, and ``--no-prior``."""
    units = tuple(each.unit.upper()[:3] for each in rules_of(kind).values())
    numbers = " ".join(f"{getattr(default, part):g}" for part in rules_of(kind))
    either = parser.add_mutually_exclusive_group()
    told = f"{rule.help} (default {numbers})"
    either.add_argument(f"--{name}", nargs=len(units), metavar=units, default=argparse.SUPPRESS, help=told)
    either.add_argument(
        f"--no-{name}", dest=name, action="store_const", const=None, default=argparse.SUPPRESS, help=f"no {name}"
    )


def _told(rule: Rule, default: Any, choices: tuple[str, ...]) -> str:
    unit = f" {rule.unit}" if rule.unit else ""
    if isinstance(default, bool):
        return f"{rule.help} (the default)" if default else rule.help
    if default in (None, ""):
        return rule.help
    return f"{rule.help} (default {default}{unit})"


def _made(kind: Any, given: Any) -> Any:
    """Texts of the command line as the setting has them; what is no number stays a text, and is refused as such."""
    if _is_settings(kind) and given is not None:
        return kind(*(_number(text) for text in given))
    if get_origin(kind) is tuple and given is not None:
        return tuple(map(_number, given))
    return _number(given) if kind in (int, float) else given


def _number(text: Any) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except (ValueError, OverflowError):
            continue
    return text


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)

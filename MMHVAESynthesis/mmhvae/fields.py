"""Dataclasses that know what each of their fields takes: checked when they are made, and JSON both ways.

:func:`setting` declares a field with its default, bounds or choices, unit and help, once for every door: Python, the
command line, the engine and the panels read it from there.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .exceptions import InputError

R = TypeVar("R", bound="Record")
S = TypeVar("S", bound="Settings")
_RULE = "rule"
_UNIONS = (Union, types.UnionType)


class Record:
    """The base of dataclasses that are written as JSON, field by field, and read again."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, as :mod:`json` takes them."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls: type[R], values: object) -> R:
        """The inverse of :meth:`to_json`; fields with a default may be left out.

        Raises:
            InputError: a field is missing, unknown, or of the wrong kind; settings also where one is out of bounds.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"The {words(cls.__name__)} are not an object; send names and values.")
        kinds = kinds_of(cls)
        for name in values:
            if name not in kinds:
                raise InputError(f"There is no setting {name}; check its spelling.")
        for each in fields(cls):  # type: ignore[arg-type]
            if each.name not in values and each.default is MISSING and each.default_factory is MISSING:
                raise InputError(f"The {words(each.name)} is missing; give it.")
        return cls(**{name: _read(kinds[name], value) for name, value in values.items()})


@dataclass(frozen=True)
class Rule:
    """What a setting takes, beside its type: bounds, which are allowed themselves; and what it is for.

    Attributes:
        help: one sentence, without the default, the bounds and the unit.
        label: how a sentence calls it; by default its name.
    """

    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    label: str = ""


def setting(default: Any, help: str, **rule: Any) -> Any:
    """A field of :class:`Settings`; ``rule`` as :class:`Rule` has it."""
    return field(default=default, metadata={_RULE: Rule(help, **rule)})


class Settings(Record):
    """The base of settings: frozen dataclasses whose fields are declared by :func:`setting`.

    Raises:
        InputError: a value is of the wrong kind or out of its bounds.
    """

    def __post_init__(self) -> None:
        for name, rule in rules_of(type(self)).items():
            value = _fitting(kinds_of(type(self))[name], getattr(self, name), rule)
            if value is _UNFIT:
                raise InputError(_refusal(type(self), name, getattr(self, name)))
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls: type[S], whole: S | None, **single: Any) -> S:
        """The settings of a function that takes them as a whole or one by one.

        Raises:
            InputError: some were given both ways, or cannot be used.
        """
        made = cls(**single)
        if whole is not None and made != cls():
            raise InputError(f"Give the {words(cls.__name__)} one by one or as a whole, not both.")
        return made if whole is None else whole


def rules_of(settings: type[Settings]) -> dict[str, Rule]:
    """The rule of every field, by name."""
    return {each.name: each.metadata[_RULE] for each in fields(settings)}  # type: ignore[arg-type]


def kinds_of(record: type[Record]) -> dict[str, Any]:
    """The type of every field, by name."""
    return _kinds_of(record)  # type: ignore[arg-type]


@cache
def _kinds_of(record: Any) -> dict[str, Any]:
    """Once a class: a panel makes settings many times a second, and Python would work the types out each time."""
    hints = get_type_hints(record)
    return {each.name: hints[each.name] for each in fields(record)}


def choices_of(settings: type[Settings], name: str) -> tuple[str, ...]:
    """What a setting can be, where its type lists that; else nothing."""
    kind, _ = kind_of(kinds_of(settings)[name])
    return get_args(kind) if get_origin(kind) is Literal else ()


def default_of(settings: type[Settings], name: str) -> Any:
    """The default of a setting."""
    return next(each.default for each in fields(settings) if each.name == name)  # type: ignore[arg-type]


def kind_of(hint: Any) -> tuple[Any, bool]:
    """The type without None, and whether None is allowed: ``int | None`` -> (int, True)."""
    if get_origin(hint) not in _UNIONS:
        return hint, False
    (kind,) = (member for member in get_args(hint) if member is not type(None))
    return kind, True


def words(name: str) -> str:
    """ "SynthesisSettings" and "slice_axis" as people write them."""
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").strip().lower()


class _Unfit:
    """What :func:`_fitting` gives for a value that cannot be used."""


_UNFIT = _Unfit()


def _fitting(hint: Any, value: Any, rule: Rule) -> Any:
    """The value in the form that is kept, or ``_UNFIT``."""
    kind, may_be_none = kind_of(hint)
    if get_origin(kind) is Literal:
        text = "" if value is None else str(value)
        return text if text in get_args(kind) else _UNFIT
    if value is None:
        return None if may_be_none else _UNFIT
    if get_origin(kind) is tuple:
        return _fitting_numbers(get_args(kind), value, rule)
    if isinstance(value, bool) or kind is bool:
        return value if isinstance(value, bool) and kind is bool else _UNFIT
    if kind in (int, float):
        within = isinstance(value, Integral if kind is int else Real) and rule.low <= value <= rule.high  # type: ignore[operator]
        return kind(value) if within and math.isfinite(value) else _UNFIT
    return value if isinstance(value, kind) and value != "" else _UNFIT


def _fitting_numbers(kinds: tuple[Any, ...], values: Any, rule: Rule) -> Any:
    if not isinstance(values, (list, tuple)) or len(values) != len(kinds):
        return _UNFIT
    fitting = tuple(_fitting(kind, value, rule) for kind, value in zip(kinds, values, strict=True))
    return _UNFIT if any(value is _UNFIT for value in fitting) else fitting


def _refusal(settings: type[Settings], name: str, value: object) -> str:
    """Why a value cannot be used, in one sentence, the same at every door."""
    rule, (kind, _) = rules_of(settings)[name], kind_of(kinds_of(settings)[name])
    shown = f"{value:g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)[:60]
    unit = f" {rule.unit}" if rule.unit else ""
    example = _example(default_of(settings, name))
    return f"The {rule.label or words(name)} is {shown or 'empty'}; give {_wanted(kind, rule)}{unit}{example}."


def _wanted(kind: Any, rule: Rule) -> str:
    if get_origin(kind) is Literal:
        *first, last = (choice for choice in get_args(kind) if choice)
        return f"{', '.join(first)} or {last}"
    if get_origin(kind) is tuple:
        return f"{len(get_args(kind))} whole numbers"
    if kind in (int, float):
        return f"a {'whole ' if kind is int else ''}number from {rule.low:g} to {rule.high:.15g}"
    return {bool: "true or false", str: "a text"}.get(kind, f"the {words(kind.__name__)}")


def _example(default: object) -> str:
    return f", such as {default:g}" if isinstance(default, Real) and not isinstance(default, bool) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def _read(hint: Any, value: Any) -> Any:
    """A plain value as the field's type has it; what settings may be is for their own check to say."""
    kind, _ = kind_of(hint)
    if value is None or hint is Any:
        return value
    inner = get_args(kind)
    if get_origin(kind) in (dict, Mapping) and isinstance(value, Mapping):
        return {key: _read(inner[1], entry) for key, entry in value.items()}
    if get_origin(kind) is tuple and isinstance(value, list):
        of = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(map(_read, of, value)) if len(of) == len(value) else value
    if isinstance(kind, type) and issubclass(kind, Record):
        return kind.from_json(value)
    return Path(value) if kind is Path and isinstance(value, str) else value

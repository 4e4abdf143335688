"""Whether what a JSON file holds is what its reader takes: by hand or by another version it may have become another.

A shape looks like what it describes::

    {"case": str, "?seconds": float, "error_mm": (float, None), "tre": {str: {"after": float}}, "witnesses": [Witness]}

- a type: a number where it says float may be whole; ``object`` is anything;
- a dataclass: an object that holds its fields and no others; those with a default may be missing;
- ``{"name": shape}``: an object that holds at least these; with "?" in front they may be missing;
- ``{str: shape}``: an object of any names; ``[shape]``: a list; ``(shape, shape)``: one of them; None: null.

Types as dataclasses have them serve, too: ``float | None``, ``list[str]``, ``tuple[float, float]``, ``dict[str, int]``.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_NUMBERS: Mapping[Any, tuple[type, ...]] = {int: (int,), float: (int, float)}
_WHOLE = "it"
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "object", list: "list"}


def misfit(value: Any, shape: Any, name: str = _WHOLE) -> str | None:
    """What is wrong with a JSON value in a few words, such as "dice is missing"; None where it fits.

    Args:
        shape: see this file's beginning.
        name: how the words call the value.
    """
    if isinstance(shape, tuple) or get_origin(shape) in (Union, types.UnionType):
        return _misfit_of_all(value, shape if isinstance(shape, tuple) else get_args(shape), name)
    if isinstance(shape, dict) or is_dataclass(shape) or get_origin(shape) is dict:
        return _misfit_of_object(value, shape, name) if isinstance(value, dict) else f"{name} is no object"
    if isinstance(shape, list) or get_origin(shape) in (list, tuple):
        return _misfit_of_list(value, shape, name) if isinstance(value, list) else f"{name} is no list"
    return None if _is(value, shape) else f"{name} is no {_WORDS.get(shape, 'such thing')}"


def _misfit_of_all(value: Any, shapes: tuple[Any, ...], name: str) -> str | None:
    """The first reason that tells more than that the value is not null."""
    reasons = {misfit(value, each, name): each not in (None, type(None)) for each in shapes}
    return None if None in reasons else max(reasons, key=lambda reason: reasons[reason])


def _is(value: Any, kind: Any) -> bool:
    if kind is None or kind is type(None):
        return value is None
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    return kind in (object, Any) or isinstance(value, kind)


def _misfit_of_object(value: Mapping[str, Any], shape: Any, name: str) -> str | None:
    if get_origin(shape) is dict:
        shape = dict([get_args(shape)])
    if is_dataclass(shape):
        unknown = sorted(value.keys() - {each.name for each in fields(shape)})
        if unknown:
            return f"{_within(name, unknown[0])} is unknown"
        shape = _shape_of(shape)
    if str in shape:
        return _first(misfit(each, shape[str], _within(name, key)) for key, each in value.items())
    missing = [key for key in shape if not key.startswith("?") and key not in value]
    if missing:
        return f"{_within(name, missing[0])} is missing"
    known = {key.removeprefix("?"): each for key, each in shape.items()}
    return _first(misfit(value[key], each, _within(name, key)) for key, each in known.items() if key in value)


def _shape_of(kind: Any) -> dict[str, Any]:
    """Of a dataclass."""
    hints = get_type_hints(kind)
    needed = {each.name: each.default is MISSING and each.default_factory is MISSING for each in fields(kind)}
    return {field if is_needed else f"?{field}": hints[field] for field, is_needed in needed.items()}


def _misfit_of_list(value: list[Any], shape: Any, name: str) -> str | None:
    inner = shape if isinstance(shape, list) else get_args(shape)
    if get_origin(shape) is tuple and inner[1:] != (...,):
        if len(value) != len(inner):
            return f"{name} holds {len(value)} in place of {len(inner)}"
    else:
        inner = [inner[0]] * len(value)
    name = "entry" if name == _WHOLE else name
    return _first(misfit(each, kind, f"{name}[{n}]") for n, (each, kind) in enumerate(zip(value, inner, strict=True)))


def _within(name: str, key: str) -> str:
    return key if name == _WHOLE else f"{name}.{key}"


def _first(reasons: Iterable[str | None]) -> str | None:
    return next((reason for reason in reasons if reason is not None), None)

"""Options that a command line gave and nothing would read: refused, or a table would stand under what it is not of.

What an option is where it is not given stands where it is read: its default here is None, or False of a switch.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmhvae.exceptions import InputError

from .device_option import AUTO

Where = Callable[[argparse.Namespace], bool]


@dataclass(frozen=True)
class Idle:
    """Options that have no effect in some commands.

    Args:
        names: of the options, without hyphens in front; a command may lack them.
        where: whether a command line is one of those.
        why: the sentence's beginning, with its last comma or semicolon; it goes on "leave out --NAME."
    """

    names: tuple[str, ...]
    where: Where
    why: str


def refuse_idle(arguments: argparse.Namespace, rules: Iterable[Idle]) -> None:
    """See that every option that was given has an effect.

    Raises:
        InputError: one has none.
    """
    for rule in rules:
        given = [name for name in rule.names if was_given(arguments, name.replace("-", "_"))]
        if given and rule.where(arguments):
            raise InputError(f"{rule.why} leave out --{given[0]}.")


def was_given(arguments: argparse.Namespace, name: str) -> bool:
    """Whether the command line gave the option: an empty list and 0 are given, None, False and "auto" are not."""
    value = getattr(arguments, name, None)
    return not (value is None or value is False or value == AUTO)


def fill_in(arguments: argparse.Namespace, **defaults: object) -> None:
    """Give the options that the command line left out their values."""
    for name, value in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)

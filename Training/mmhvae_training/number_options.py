"""What numbers a command line may give: types of argparse, which refuses what is none with what to give instead."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> int:
    """A whole number, 1 or more: of cases, slices, processes."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """A whole number, 0 or more: a seed, the number of a fold."""
    return _whole(text, 0)


def millimetres(text: str) -> float:
    """A length above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no length; give millimetres, above 0.")
    return value


def share(text: str) -> float:
    """A part of a whole, from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; give a number from 0 to 1.")
    return value


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} cannot be; give a whole number, {least} or more.")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

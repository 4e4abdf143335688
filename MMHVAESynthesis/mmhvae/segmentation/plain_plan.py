"""The plain U-Net's plan as a manifest has it: read, and refused where it is out of bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plain_unet import PlainUNetConfig, Triple

#: Largest architecture accepted from a file, so that a forged manifest cannot exhaust the memory.
MOST_FEATURES, MOST_LEVELS, MOST_CONVOLUTIONS, LARGEST_SIDE = 1024, 8, 6, 7


def plain_architecture(values: Mapping[str, Any]) -> PlainUNetConfig:
    """The plan in ``values``, as `dataclasses.asdict` writes it.

    Raises:
        ValueError, KeyError, TypeError: it is none, or out of bounds.
    """
    if len(values["features"]) > MOST_LEVELS:
        raise ValueError("there are too many levels")
    return PlainUNetConfig(
        tuple(whole_number(n, MOST_FEATURES) for n in values["features"]),
        tuple(triple(kernel, LARGEST_SIDE) for kernel in values["kernels"]),
        tuple(triple(stride, LARGEST_SIDE) for stride in values["strides"]),
        tuple(whole_number(n, MOST_CONVOLUTIONS) for n in values["encoder_convolutions"]),
        tuple(whole_number(n, MOST_CONVOLUTIONS) for n in values["decoder_convolutions"]),
    )


def whole_number(value: Any, most: int) -> int:
    """``value``, if it is a whole number from 1 to ``most``; else a ValueError."""
    if type(value) is not int or not 0 < value <= most:
        raise ValueError("a number is out of bounds")
    return value


def triple(values: Any, most: int) -> Triple:
    """Three whole numbers from 1 to ``most``; else a ValueError."""
    depth, height, width = values
    return whole_number(depth, most), whole_number(height, most), whole_number(width, most)

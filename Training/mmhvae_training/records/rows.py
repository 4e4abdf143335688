"""Rows of a dataclass as CSV, a file written whole or not at all: a case that is there is done."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mmhvae.exceptions import InputError
from mmhvae.files import whole_file

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")


def write_rows(rows: Sequence[Any], path: Path) -> None:
    """Write dataclasses of one kind, of texts and numbers; raises :class:`InputError` where that is impossible."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(rows[0])])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_rows(kind: type[Row], path: Path) -> list[Row]:
    """What `write_rows` wrote; a field is a number where its type says so.

    Raises:
        InputError: the file is not of this kind.
    """
    kinds: dict[str, Callable[[str], Any]] = {"str": _text, "int": int, "float": float}
    read = {field.name: kinds[str(field.type)] for field in fields(kind)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [kind(**{name: read[name](text) for name, text in row.items()}) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is not a table of scores; remove it and evaluate the case again.") from error


def _text(found: str | None) -> str:
    """A row that was cut short has None for its last fields."""
    if found is None:
        raise ValueError("a row is cut short")
    return found

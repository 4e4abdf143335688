"""A package's face: the names that others use, each loaded with its file when it is first asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(package: str, face: str) -> Callable[[str], Any]:
    """A ``__getattr__`` (PEP 562) for the package whose ``__init__`` is the file ``face``.

    The names are those that ``face`` imports for type checkers only, under ``if TYPE_CHECKING``: one list for
    readers, type checkers and Python, and nothing behind it, torch least of all, costs a program that does not ask.
    """
    modules = dict(_imported(Path(face)))

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name], package), name)

    return load


def _imported(face: Path) -> Iterator[tuple[str, str]]:
    """Name and module of every relative import in the file."""
    for node in ast.walk(ast.parse(face.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from ((alias.name, "." * node.level + (node.module or "")) for alias in node.names)

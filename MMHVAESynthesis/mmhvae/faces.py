"""A package's face: the names that others use, each loaded with its file when it is first asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from .exceptions import InputError


def lazy_names(package: str, face: str) -> Callable[[str], Any]:
    """A ``__getattr__`` (PEP 562) for the package whose ``__init__`` is the file ``face``.

    The names are those that ``face`` imports for type checkers only, under ``if TYPE_CHECKING``: one list for
    readers, type checkers and Python, and nothing behind it, torch least of all, costs a program that does not ask.
    """
    modules = dict(_imported(Path(face)))

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(modules[name], package), name)
        except Exception as error:
            refusal = torch_refusal(error)
            if refusal is None:
                raise
            raise refusal from error

    return load


def torch_refusal(error: BaseException) -> InputError | None:
    """What to tell where an import failed because torch is missing or installed by half; None where it did not."""
    if not _is_broken_torch(error):
        return None
    return InputError(f"PyTorch cannot be loaded ({' '.join(str(error).split())[:200]}); install it again.")


def _is_broken_torch(error: BaseException) -> bool:
    """Whether an import failed because torch is missing, or installed by half."""
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] == "torch":
        return True
    frame, raised_in = error.__traceback__, ""
    while frame is not None:
        raised_in = frame.tb_frame.f_globals.get("__name__", "")
        if raised_in.split(".")[0] == "torch":
            return isinstance(error, (ImportError, OSError, AttributeError, SyntaxError))
        frame = frame.tb_next
    return isinstance(error, AttributeError) and "module 'torch" in str(error)


def _imported(face: Path) -> Iterator[tuple[str, str]]:
    """Name and module of every relative import in the file."""
    for node in ast.walk(ast.parse(face.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from ((alias.name, "." * node.level + (node.module or "")) for alias in node.names)

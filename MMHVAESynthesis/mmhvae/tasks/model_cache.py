"""Models that stay loaded from one request to the next, for as long as their files stay the same."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ..bundle import CARD, MANIFEST, WEIGHTS

Model = TypeVar("Model")


class ModelCache(Generic[Model]):
    """Models that were loaded before.

    Args:
        load: what reads one.
        most: how many are kept in memory.
    """

    def __init__(self, load: Callable[[Path], Model], most: int) -> None:
        self._load, self._most = load, most
        self._loaded: OrderedDict[tuple[object, ...], Model] = OrderedDict()

    def load(self, path: Path) -> tuple[Model, bool]:
        """The model, and whether it was warm."""
        key = _fingerprint(path)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return self._loaded[key], True
        self._loaded[key] = model = self._load(path)
        while len(self._loaded) > self._most:
            self._loaded.popitem(last=False)
        return model, False


def _fingerprint(path: Path) -> tuple[object, ...]:
    """Where the model is, and the size and time of change of all its files; reading them all would not be warm."""
    files = [path / name for name in (MANIFEST, WEIGHTS, CARD)] if path.is_dir() else [path]
    try:
        states = [os.stat(file) for file in files]
    except OSError:
        return (path, time.monotonic_ns())  # loading says what is wrong
    return (path.resolve(), *((state.st_size, state.st_mtime_ns, state.st_ino) for state in states))

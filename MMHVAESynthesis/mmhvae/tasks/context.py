"""What a task is given beside its parameters: bundles that stay loaded, a folder for its files, and progress."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from ..bundle import CARD, MANIFEST, WEIGHTS, Bundle, load_bundle
from ..exceptions import InputError, Progress
from ..images import write_volumes
from .streams import LiveStreams

#: Bundles kept in memory: the one in use, and the one that it is compared with.
MOST_BUNDLES = 2


class BundleCache:
    """Bundles that were loaded before, for as long as their files stay the same."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[tuple[object, ...], Bundle] = OrderedDict()

    def load(self, path: Path) -> tuple[Bundle, bool]:
        """The bundle, and whether it was warm."""
        key = _fingerprint(path)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return self._loaded[key], True
        bundle = load_bundle(path)
        self._loaded[key] = bundle
        while len(self._loaded) > MOST_BUNDLES:
            self._loaded.popitem(last=False)
        return bundle, False


def _fingerprint(path: Path) -> tuple[object, ...]:
    """Where the bundle is, and the size and time of change of all its files; reading them all would not be warm."""
    files = [path / name for name in (MANIFEST, WEIGHTS, CARD)] if path.is_dir() else [path]
    try:
        states = [os.stat(file) for file in files]
    except OSError:
        return (path, time.monotonic_ns())  # loading says what is wrong
    return (path.resolve(), *((state.st_size, state.st_mtime_ns, state.st_ino) for state in states))


@dataclass(frozen=True)
class Context:
    """What a task is given beside its parameters: ``folder`` receives its files."""

    bundles: BundleCache
    folder: Path
    progress: Progress
    streams: LiveStreams = field(default_factory=LiveStreams)

    def write(self, image: sitk.Image, name: str) -> str:
        """The path of ``image`` on disk: not compressed, and MetaImage, which keeps the geometry to the last bit."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{name}.mha"
        try:
            write_volumes({path: image}, is_passing=True)
        except InputError as error:
            text = f"The result does not fit into {self.folder.parent}; free some space on that disk."
            raise InputError(text) from error
        return str(path)

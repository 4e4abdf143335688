"""What a task is given beside its parameters: bundles that stay loaded, a folder for its files, and progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from ..bundle import Bundle, load_bundle
from ..exceptions import InputError, Progress
from ..images import write_volumes
from .model_cache import ModelCache
from .streams import LiveStreams

#: Bundles kept in memory: the one in use, and the one that it is compared with.
MOST_BUNDLES = 2


class BundleCache(ModelCache[Bundle]):
    """Models that synthesise."""

    def __init__(self) -> None:
        super().__init__(load_bundle, MOST_BUNDLES)


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

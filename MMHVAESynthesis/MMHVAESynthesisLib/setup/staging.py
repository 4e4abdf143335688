"""Packages are made ready in a folder of their own, and moved in all together: nothing that is there is touched.

A note of what is to be moved is written first. By it everything is taken back where the moving fails, and where the
program was killed in the middle, at its next start.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmhvae.exceptions import InputError

from ..engine import is_running
from .environment import packages_folder

_NAME = ".mmhvae-installing-"
_NOTE = "moved.json"


class Stage:
    """A place in the form of the interpreter's own, on its file system.

    Args:
        folder: of the stage, new.
        prefix: the folder that everything is moved into; the interpreter's own.

    Attributes:
        tree: packages are installed here, with pip's option ``--prefix``.
    """

    def __init__(self, folder: Path, prefix: Path) -> None:
        self._folder, self._prefix = folder, prefix
        self.tree = folder / "tree"
        self.tree.mkdir(exist_ok=True)

    def move_in(self) -> None:
        """Move everything where it belongs, or nothing.

        Raises:
            InputError: something of that name is there already, or the disk refuses.
        """
        files = [path.relative_to(self.tree) for path in sorted(self.tree.rglob("*")) if not path.is_dir()]
        self._require_free(files)
        folders = [path.relative_to(self.tree) for path in sorted(self.tree.rglob("*")) if path.is_dir()]
        new = [folder for folder in folders if not (self._prefix / folder).exists()]
        note = {"folders": [str(folder) for folder in new], "files": [str(file) for file in files]}
        try:
            (self._folder / _NOTE).write_text(json.dumps(note), encoding="utf-8")
            for folder in new:
                (self._prefix / folder).mkdir(parents=True)
            for file in files:
                os.replace(self.tree / file, self._prefix / file)
        except OSError as error:
            self.take_back()
            reason = error.strerror or error
            raise InputError(f"The packages cannot be written into {self._prefix}: {reason}.") from error

    def _require_free(self, files: list[Path]) -> None:
        for file in files:
            if os.path.lexists(self._prefix / file):
                raise InputError(
                    f"{self._prefix / file} is there already and belongs to no package; move it away and try again."
                )

    def take_back(self) -> None:
        """Remove what was moved in, by the note; nothing where there is none."""
        try:
            note = json.loads((self._folder / _NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # nothing was moved before the note was complete
            return
        for file in note["files"]:
            if not (self.tree / file).exists():
                (self._prefix / file).unlink(missing_ok=True)
        for folder in note["folders"]:  # they were not there before
            shutil.rmtree(self._prefix / folder, ignore_errors=True)

    def finish(self) -> None:
        """All is in place: there is nothing to be taken back."""
        (self._folder / _NOTE).unlink(missing_ok=True)

    def remove(self) -> None:
        """The stage itself goes."""
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def new_stage(place: Path | None = None, prefix: Path | None = None) -> Iterator[Stage]:
    """A stage, beside the packages unless told otherwise; what an earlier one left behind is cleared away first."""
    place, prefix = place or packages_folder().parent, prefix or Path(sys.prefix)
    clear_leftovers(place, prefix)
    stage = Stage(Path(tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-", dir=place)), prefix)
    try:
        yield stage
        stage.finish()
    finally:
        stage.remove()


def clear_leftovers(place: Path, prefix: Path) -> None:
    """Take back what programs that were killed had begun to move in."""
    for folder in place.glob(f"{_NAME}*-*"):
        owner = folder.name.removeprefix(_NAME).split("-")[0]
        if not owner.isdigit() or is_running(int(owner)):
            continue
        left = Stage(folder, prefix)
        left.take_back()
        left.remove()

"""What to say where a file could not be written: what is full or forbidden, where, and what to do."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from .exceptions import InputError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
#: Bytes of free space under which a write that failed for no stated reason has failed for that.
_NO_SPACE = 1 << 20
KEPT = " (the earlier one is untouched)"
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, a quota or a limit is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def not_written(path: Path, error: BaseException, otherwise: str = "") -> InputError:
    """The sentence for a file or folder that could not be written; ask while what was begun still takes its space.

    Args:
        path: of the file.
        error: why; where it has no number, as those of ITK, the disk is looked at.
        otherwise: what else there is to say where that tells nothing.
    """
    number = getattr(error, "errno", None)
    kept = KEPT if os.path.lexists(path) else ""
    if number == errno.ENAMETOOLONG:
        return InputError(f"{path} cannot be written: its name is too long; choose a shorter one.")
    if number == errno.EISDIR:
        return InputError(f"{path} cannot be written: a folder has that name; choose another one.")
    if number in (errno.ENOTEMPTY, errno.EEXIST):
        return InputError(f"{path} exists and is not empty; choose a new folder.")
    if number == errno.EROFS:
        return InputError(f"{path} cannot be written: its disk is read-only; choose another folder{kept}.")
    folder = _existing(path.parent)
    free, most = _free(folder), _largest_file()
    if number == getattr(errno, "EDQUOT", -1):
        text = f"your quota for {folder} is used up; delete what you no longer need there, or choose another folder"
    elif number == errno.EFBIG and most is None:
        text = "it is larger than its disk takes files; choose another folder"
    elif number == errno.EFBIG or (number is None and most is not None):
        text = f"no file may be larger than {_bytes(most)} here; raise that limit (ulimit -f)"
    elif number in (None, errno.ENOSPC) and free is not None and free < _NO_SPACE:
        text = f"{folder} is full ({_bytes(free)} free); free some space there, or choose another folder"
    elif number == errno.ENOSPC:
        text = f"the disk of {folder} takes no more files or data; free some space there, or choose another folder"
    else:
        state = f"{_bytes(free)} are free in {folder}"
        text = f"check the permissions and the free space of its folder ({state}){otherwise}"
    return InputError(f"{path} cannot be written: {text}{kept}.")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    folder = Path(os.path.abspath(folder))
    while not os.path.isdir(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _largest_file() -> int | None:
    """The system's limit on the size of this process's files; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _bytes(count: int | None) -> str:
    if count is None:
        return "an unknown number of bytes"
    size, unit = next(((size, unit) for size, unit in _UNITS if count >= size), (1, "bytes"))
    return f"{count / size:.1f} {unit}" if size > 1 else f"{count} bytes"

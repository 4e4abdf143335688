"""Files and folders written whole or not at all: under a short temporary name beside the target, then renamed.

Whatever ends the work - a full disk, an exception, Ctrl-C, SIGTERM, SIGHUP, the program's end - the earlier file stays
as it was, and nothing half-written stays behind. New files have the permissions that the user's umask leaves.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import re
import secrets
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .exceptions import InputError
from .write_faults import KEPT, is_full, not_written

_PREFIX = ".writing-"
_OURS = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{12}}(\.[A-Za-z0-9.]+)?")
#: Seconds after which a temporary file that a killed program left behind is removed by the next one.
_ABANDONED = 24 * 3600
_LONGEST_SUFFIX = 16
_BLOCK = 4096
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

#: What is being written, and by which process: a child that was forked off has no part in it.
_unfinished: dict[Path, int] = {}


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A temporary file, empty, to be filled by the block; it takes the place of ``path`` when the block ends well.

    Raises:
        InputError: the file cannot be written there. An ``OSError`` within the block counts as that.
    """
    path = Path(path)
    with whole_files([path]) as temporaries:
        yield temporaries[path]


@contextmanager
def whole_files(paths: Iterable[Path], *, durable: bool = True) -> Iterator[dict[Path, Path]]:
    """Temporary files by the paths that all of them take, one right after the other, when the block ends well.

    Args:
        paths: of the files.
        durable: wait until they would survive a power cut.

    Raises:
        InputError: as :func:`whole_file`; none of the paths has changed.
    """
    temporaries: dict[Path, Path] = {}
    path, new = Path(), _NewFolders()
    with _tidied():
        try:
            for path in paths:
                _require_possible(path)
                temporaries[path] = _place_beside(path)  # known before it exists: a Ctrl-C may come in between
                new.make(temporaries[path].parent)
                _make(temporaries[path])
            yield temporaries
            for path in temporaries if durable else ():
                _on_disk(temporaries[path])
            with _signals_wait():
                for path, temporary in temporaries.items():
                    os.replace(temporary, os.path.realpath(path))  # through a link, not in its place
            for folder in {temporary.parent for temporary in temporaries.values()} if durable else ():
                _on_disk(folder)
        except OSError as error:
            raise not_written(path, error) from error
        except InputError as error:
            raise _about(error, temporaries) from error
        finally:
            _remove(temporaries.values())
            new.remove_empty()


@contextmanager
def whole_folder(folder: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder, to be filled by the block; it becomes ``folder`` when the block ends well.

    Args:
        folder: must be new or empty, unless ``replace`` says that what is there may go.

    Raises:
        InputError: the folder cannot be written. An ``OSError`` within the block counts as that.
    """
    folder = Path(folder)
    temporary, new = _named_beside(folder), _NewFolders()
    with _tidied():
        try:
            new.make(folder.parent)
            _sweep(folder.parent)
            _unfinished[temporary] = os.getpid()
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                _on_disk(file)
            with _signals_wait():
                _rename_folder(temporary, folder, replace)
            _on_disk(folder.parent)
        except OSError as error:
            raise not_written(folder, error) from error
        except InputError as error:  # about a file within
            raise _about(error, {folder: temporary}) from error
        finally:
            _remove([temporary])
            new.remove_empty()


def _about(error: InputError, temporaries: Mapping[Path, Path]) -> InputError:
    """The error, by the names that the user gave."""
    text = str(error)
    for path, temporary in temporaries.items():
        if str(temporary) in text and not os.path.lexists(path):
            text = text.replace(KEPT, "")
        text = text.replace(str(temporary), str(path))
    return InputError(text)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder among the system's temporary ones, gone after the block whatever ends it."""
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{secrets.token_hex(6)}"
    with _tidied():
        _unfinished[folder] = os.getpid()
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            _remove([folder])


def write_bytes(content: bytes | memoryview, path: str | Path) -> None:
    """Write a file, whole or not at all; raises :class:`InputError` where that is impossible."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(text: str, path: str | Path) -> None:
    """Write a text in UTF-8, whole or not at all; raises :class:`InputError` where that is impossible."""
    write_bytes(text.encode("utf-8", "surrogateescape"), path)


def require_writable(folder: str | Path, names: Iterable[str] = ()) -> None:
    """Fail before the work, not after it: see whether the folder can be made, and files of these names lie in it.

    A folder that is not there yet is gone again after that: what fails later leaves none behind.

    Raises:
        InputError: the folder cannot be made or written to, or a name is too long or a folder's.
    """
    folder, names, new = Path(folder), list(names), _NewFolders()
    try:
        new.make(folder)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_BLOCK))  # a disk that is full to the last block takes names still
    except (OSError, ValueError) as error:
        if is_full(error) or getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise not_written(folder / names[0] if names else folder, error) from error
        raise InputError(f"The folder {folder} cannot be written to; choose another one.") from error
    else:
        for name in names:
            _require_possible(folder / name)
    finally:
        new.remove_empty()


def _require_possible(path: Path) -> None:
    """Refuse a name that the disk does not take, that is a folder's, a pipe's or a device's, or is protected."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise not_written(path, error) from error
    if stat.S_ISDIR(mode):
        raise not_written(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} cannot be written: it is no ordinary file; choose another name.")
    if not mode & _WRITABLE:  # a rename would not ask
        raise InputError(f"{path} cannot be written: it is protected against writing; choose another name.")


def _named_beside(path: Path) -> Path:
    """A new name in the same folder, with the same suffix: it is what tells ITK the format."""
    suffix = next((s for s in (".nii.gz", path.suffix) if path.name.lower().endswith(s.lower())), "")
    if len(suffix) > _LONGEST_SUFFIX or not suffix.isascii():
        suffix = ""
    return path.with_name(f"{_PREFIX}{secrets.token_hex(6)}{suffix.lower()}")


def _place_beside(path: Path) -> Path:
    """Where a temporary file may lie: beside ``path`` or, where that is a link, beside what it leads to."""
    folder = Path(os.path.realpath(path)).parent if os.path.islink(path) else path.parent
    return folder / _named_beside(path).name


class _NewFolders:
    """Folders made for files to come: those that stay empty go again, so that what fails leaves none behind."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, folder: Path) -> None:
        self._made += [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
        folder.mkdir(parents=True, exist_ok=True)

    def remove_empty(self) -> None:
        for path in sorted(self._made, key=lambda path: -len(path.parts)):  # the innermost first
            with contextlib.suppress(OSError):  # never made, or there is something in it
                path.rmdir()


def _make(temporary: Path) -> None:
    _sweep(temporary.parent)
    _unfinished[temporary] = os.getpid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    os.close(os.open(temporary, flags, 0o666))  # what the umask leaves of it


def _rename_folder(temporary: Path, folder: Path, replace: bool) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()  # Windows renames onto no folder, be it an empty one
    if replace and os.path.lexists(folder):
        earlier = _named_beside(folder)
        os.rename(folder, earlier)
        os.rename(temporary, folder)
        _delete(earlier)
    elif os.path.lexists(folder):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    else:
        os.rename(temporary, folder)


def _on_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, would survive a power cut, where the system can."""
    is_folder = path.is_dir()
    try:
        handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    except OSError:
        if not is_folder:
            raise
        return  # Windows opens no folder
    try:
        os.fsync(handle)
    except OSError as error:
        if is_full(error) or error.errno == errno.EIO:  # others cannot be synchronised at all
            raise
    finally:
        os.close(handle)


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if _unfinished.get(path) == os.getpid():
            _delete(path)
        _unfinished.pop(path, None)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a program that was killed a day ago or earlier had begun here: patients' images do not stay."""
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if _OURS.fullmatch(entry.name)]
    for path in found:
        with contextlib.suppress(OSError):
            state = path.lstat()
            is_own = not hasattr(os, "getuid") or state.st_uid == os.getuid()
            if is_own and path not in _unfinished and time.time() - state.st_mtime > _ABANDONED:
                _delete(path)


@atexit.register
def _remove_unfinished() -> None:
    _remove(_unfinished)


def _end(number: int, frame: FrameType | None) -> None:
    """Tidy up, then end as the signal would have ended the program."""
    _remove_unfinished()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


@contextmanager
def _tidied() -> Iterator[None]:
    """Within the block, a signal that would end the program takes what is unfinished with it."""
    if threading.current_thread() is not threading.main_thread():  # no other thread may say what signals do
        yield
        return
    ours = [number for number in _ENDINGS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Signals that end or interrupt the program come after the block, not within it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (*_ENDINGS, signal.SIGINT)}
    before = {number: handler for number, handler in before.items() if handler is not None}
    for number in before:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)

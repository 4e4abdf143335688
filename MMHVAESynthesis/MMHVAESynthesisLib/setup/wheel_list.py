"""The list of wheels that a closed network needs, as ``Resources/Wheels`` has it for each platform and Python.

A list is a requirements file of pip's; after each entry follow, as a comment, the file's name and size.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WHEELS = Path(__file__).resolve().parents[2] / "Resources" / "Wheels"
_ENTRY = re.compile(r"([A-Za-z0-9._-]+)==(\S+) --hash=sha256:([0-9a-f]{64})  # (\S+\.whl) (\d+)")
_COMMAND = "# $ "
_SYSTEMS = {"darwin": "macos", "win32": "windows"}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Wheel:
    """One entry of a list; ``size`` in bytes."""

    name: str
    version: str
    sha256: str
    file: str
    size: int


@dataclass(frozen=True)
class WheelList:
    """A list, and the command that fetches what is on it, for a computer with a network."""

    path: Path
    wheels: tuple[Wheel, ...]
    command: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(wheel.size for wheel in self.wheels)


def read_wheel_list(path: Path) -> WheelList:
    """Read a list.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no list.
    """
    wheels, command = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry:
            name, version, sha256, file, size = entry.groups()
            wheels.append(Wheel(name, version, sha256, file, int(size)))
        elif line.startswith(_COMMAND):
            command = line.removeprefix(_COMMAND)
        elif line and not line.startswith("#"):
            raise ValueError(f"{path} has a line that is no wheel: {line}")
    return WheelList(path, tuple(wheels), command)


def list_for_this_computer(folder: Path = WHEELS) -> WheelList | None:
    """The list for this platform and this Python; None where there is none."""
    system = _SYSTEMS.get(sys.platform, sys.platform)
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    path = folder / f"{system}-{platform.machine().lower()}-{python}.txt"
    return read_wheel_list(path) if path.is_file() else None


def missing(wanted: WheelList, folder: Path) -> list[Wheel]:
    """The wheels that ``folder`` lacks, or has of another size: quick, nothing is read."""
    return [wheel for wheel in wanted.wheels if _size(folder / wheel.file) != wheel.size]


def altered(wanted: WheelList, folder: Path, progress: Callable[[float], None]) -> list[Wheel]:
    """The wheels whose content is another one; ``progress`` hears of the share that was read.

    Raises:
        OSError: one of them cannot be read.
    """
    found, done = [], 0
    for wheel in wanted.wheels:
        digest = hashlib.sha256()
        with (folder / wheel.file).open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                done += len(block)
                progress(done / max(wanted.size, 1))
        if digest.hexdigest() != wheel.sha256:
            found.append(wheel)
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1

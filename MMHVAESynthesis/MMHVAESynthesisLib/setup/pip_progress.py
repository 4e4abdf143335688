"""How far pip is, by the lines that it writes."""

from __future__ import annotations

import re
from collections.abc import Callable

_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
_DOWNLOAD = re.compile(r"Downloading (\S+?)(?:-\S+)? \(([\d.]+) (kB|MB|GB)\)")
_COLLECTING = re.compile(r"(?:Collecting|Processing) (\S+)")
_INSTALLING = "Installing collected packages"
#: Share of the time until pip installs what it has downloaded, and until it is done.
DOWNLOADED, INSTALLED = 0.8, 0.97


class PipProgress:
    """Turns lines into a share that never goes back, and into words.

    Args:
        expected: bytes to download, about.
        tell: hears of both.

    Attributes:
        log: all lines, for the details of an error.
    """

    def __init__(self, expected: int, tell: Callable[[float, str], None]) -> None:
        self._expected, self._tell = max(expected, 1), tell
        self._bytes, self._share, self._title = 0.0, 0.0, ""
        self.log = ""

    def begin(self, title: str) -> None:
        """Another package; ``title`` goes before what is told about it."""
        self._title = title
        self._say(self._share)

    def line(self, line: str) -> None:
        """pip has written a line."""
        self.log += f"{line}\n"
        download = _DOWNLOAD.search(line)
        if download:
            name, number, unit = download.groups()
            self._say(self._downloaded(), f"{name}, {number} {unit}")  # what came before it is here
            self._bytes += float(number) * _UNITS[unit]
        elif line.startswith(_INSTALLING):
            self._say(DOWNLOADED, line.removeprefix(_INSTALLING).strip(": "))
        elif line.startswith("Successfully installed"):
            self._say(INSTALLED)
        elif found := _COLLECTING.search(line):
            self._say(self._downloaded(), found[1])

    def _downloaded(self) -> float:
        return DOWNLOADED * min(self._bytes / self._expected, 1.0)

    def _say(self, share: float, what: str = "") -> None:
        self._share = max(self._share, share)
        self._tell(self._share, f"{self._title}: {what}" if what else self._title)

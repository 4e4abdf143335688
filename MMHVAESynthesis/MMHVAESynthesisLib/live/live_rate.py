"""How many frames a second the live view shows, and how far behind it is."""

from __future__ import annotations

from collections import deque
from statistics import median

#: Seconds that both are measured over.
WINDOW = 2.0


class LiveRate:
    """Counts frames that came and frames that were shown; times are monotonic seconds."""

    def __init__(self, start: float) -> None:
        self.came = 0
        self.shown = 0
        self._start = start
        self._recent: deque[tuple[float, float]] = deque()  # shown at, delay

    @property
    def skipped(self) -> int:
        """Frames that came and were not shown; the one that is being worked on, too."""
        return self.came - self.shown

    def add_shown(self, taken: float, now: float) -> None:
        """A frame was shown."""
        self.shown += 1
        self._recent.append((now, now - taken))
        self._forget(now)

    def per_second(self, now: float) -> float:
        """Frames shown a second, over the last ``WINDOW``."""
        self._forget(now)
        return len(self._recent) / min(WINDOW, max(now - self._start, 1e-3))

    def delay(self, now: float) -> float | None:
        """Seconds from a frame's being taken to its being shown; None where none was shown of late."""
        self._forget(now)
        return median(delay for _, delay in self._recent) if self._recent else None

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0][0] > WINDOW:
            self._recent.popleft()

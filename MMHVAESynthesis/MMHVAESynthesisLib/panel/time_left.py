"""How long work will still take, from how it went so far."""

from __future__ import annotations

import time

from slicer.i18n import tr as _

#: Before this share is done and these seconds are over, an estimate would only jump about.
EARLIEST_SHARE, EARLIEST_SECONDS = 0.05, 1.0


class TimeLeft:
    """Estimates the seconds left; the clock starts when this is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def seconds(self, fraction: float) -> float | None:
        """What is left when ``fraction`` (0 to 1) is done; None where that is not yet known."""
        elapsed = time.monotonic() - self._started
        if fraction < EARLIEST_SHARE or elapsed < EARLIEST_SECONDS:
            return None
        return elapsed * (1 - min(fraction, 1.0)) / fraction

    def text(self, fraction: float) -> str:
        """The same in words; "" where it is not known."""
        seconds = self.seconds(fraction)
        if seconds is None:
            return ""
        if seconds < 90:
            return _("{seconds} s left").format(seconds=max(1, round(seconds)))
        return _("{minutes} min left").format(minutes=round(seconds / 60))

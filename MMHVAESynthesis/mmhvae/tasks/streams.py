"""The stream of the live view that is being worked on."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ..synthesis import LiveSynthesis


class LiveStreams:
    """The stream that was asked for last, kept for as long as the same settings are asked for."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._stream: LiveSynthesis | None = None

    def stream(self, key: Hashable, start: Callable[[], LiveSynthesis]) -> LiveSynthesis:
        """The stream of these settings, started if it is not running."""
        if self._stream is None or key != self._key:
            self._stream = None  # its memory first
            self._stream, self._key = start(), key
        return self._stream

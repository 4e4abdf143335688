"""What the core raises on purpose, and the callback by which long work reports and is stopped."""

from __future__ import annotations

from collections.abc import Callable

#: ``progress(fraction, message)``, with fraction in [0, 1]. Raising :class:`Cancelled` inside stops the work cleanly.
Progress = Callable[[float, str], None]


class InputError(ValueError):
    """The user's input cannot be used. The message is one plain sentence that says what to do."""


class InputNotice(UserWarning):
    """Something about the user's input that may be right, but was guessed or left out: one sentence for the user."""


class Cancelled(Exception):  # noqa: N818 - part of the contract with the Slicer modules; it is no error
    """Raised by a progress callback to stop the work in progress."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """The callback of a part of the work, which lies between these shares of the whole."""
    return lambda fraction, message: progress(start + (end - start) * fraction, message)


def no_progress(fraction: float, message: str) -> None:
    """The callback of those who do not want to know."""

"""Message boxes: what was shown is recorded and answered at once, so that a test can go on."""

from __future__ import annotations

from typing import Any, NamedTuple


class Message(NamedTuple):
    """A box that was shown.

    Attributes:
        kind: "error", "warning", "info", "OkCancel", "YesNo", "RetryClose".
        text: what it said.
    """

    kind: str
    text: str


#: What was shown since the test began, oldest first.
messages: list[Message] = []
_answers: list[bool] = []


def answer(*answers: bool) -> None:
    """How the next questions are answered: True for OK, Yes, Retry. Others are answered with OK, Yes, Close."""
    _answers.extend(answers)


def clear() -> None:
    """Forget what was shown and what was to be answered."""
    messages.clear()
    _answers.clear()


def _display(kind: str) -> Any:
    def display(text: str, windowTitle: Any = None, parent: Any = None, standardButtons: Any = None, **_: Any) -> None:
        messages.append(Message(kind, text))

    return display


def _confirm(kind: str, default: bool) -> Any:
    def confirm(text: str, windowTitle: Any = None, parent: Any = None, **_: Any) -> bool:
        messages.append(Message(kind, text))
        return _answers.pop(0) if _answers else default

    return confirm


def install(util: Any) -> None:
    """Put the recording functions in the place of slicer.util's."""
    for kind in ("error", "warning", "info"):
        setattr(util, f"{kind}Display", _display(kind))
    for kind, default in (("OkCancel", True), ("YesNo", True), ("RetryClose", False)):
        setattr(util, f"confirm{kind}Display", _confirm(kind, default))

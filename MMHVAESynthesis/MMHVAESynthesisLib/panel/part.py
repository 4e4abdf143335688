"""What every part of a panel has in common. A new part is one file, and one line in its module's list of parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..engine import Failure


class Installer(Protocol):
    """See MMHVAESynthesisLib.setup: the engine's packages, installed after one question."""

    def problem(self) -> str:
        """What is missing, in one sentence; "" where nothing is."""

    def ensure(self, go_on: Callable[[], None]) -> None:
        """Call ``go_on`` once nothing is missing."""


class Whole(Protocol):
    """What a part sees of the panel that it belongs to.

    Attributes:
        ui: the widgets of the Qt Designer file, by name.
        logic: of the module.
        problem: why the module's work cannot begin, in one sentence; "" where it can.
        missing: which packages have to be installed first, in one sentence; "" where none have.
    """

    ui: Any
    logic: Any
    problem: str

    @property
    def parameters(self) -> Any:
        """The parameters in use; None while there is no scene."""

    @property
    def is_open(self) -> bool:
        """Whether the user is in this module, rather than in another."""

    missing: str

    def look_for_missing(self) -> None:
        """Look again whether packages are missing."""

    def new_installer(
        self, on_progress: Callable[[float, str], None], on_failure: Callable[[Failure], None]
    ) -> Installer:
        """What installs them; who hears of it."""

    def take_what_is_there(self) -> None:
        """Choose what the scene has, where nothing was chosen yet."""

    def refresh(self) -> None:
        """Have every part show what is, at once."""

    def later(self, *_: Any) -> None:
        """Have every part show what is, once things are calm."""

    def begun(self) -> None:
        """A run has begun."""

    def done(self, result: Any) -> None:
        """A run has ended with a result."""

    def failed(self, failure: Failure) -> None:
        """A run has ended without one."""


class Key(Protocol):
    """See MMHVAESynthesisLib.views.FadeKey."""

    def listen(self, is_on: bool) -> None:
        """Hear of the key, or do not."""

    def close(self) -> None:
        """Let go of the application."""


class Part:
    """Shows some of the parameters, and changes them.

    The panel makes its parts, tells them of other parameters, refreshes them in the order of its list, and closes them.
    """

    def __init__(self, panel: Whole) -> None:
        self.panel, self.ui, self.logic = panel, panel.ui, panel.logic
        self._parameters: Any = None
        self._key: Key | None = None  # of the keyboard, heard only while the panel is open

    def use(self, parameters: Any) -> None:
        """Work on other parameters, or on none (None) while there is no scene: then keep nothing of it."""
        self._parameters = parameters

    def refresh(self) -> None:
        """Show what is; called only while there are parameters."""

    def take_what_is_there(self) -> None:
        """Choose what the scene has, where nothing was chosen yet."""

    def enter(self) -> None:
        """The user opened the module."""
        if self._key is not None:
            self._key.listen(True)

    def exit(self) -> None:
        """The user went to another module."""
        if self._key is not None:
            self._key.listen(False)

    def show_result(self, result: Any) -> None:
        """A run has just ended with ``result``."""

    def close(self) -> None:
        """The panel is going."""
        if self._key is not None:
            self._key.close()

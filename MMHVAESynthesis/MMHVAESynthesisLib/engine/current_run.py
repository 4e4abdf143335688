"""The one piece of work that its owner has under way; let go of before anybody hears of its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .engine_run import EngineRun
from .jobs import Callbacks


class CurrentRun:
    """Holds a run while it works, and no longer: with it go the images that it was about."""

    def __init__(self) -> None:
        self._run: EngineRun | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is one that has not ended yet."""
        return self._run is not None

    def start(self, new_run: Callable[[Callbacks], EngineRun], callbacks: Callbacks) -> None:
        """Start what ``new_run`` makes, which is given callbacks; they pass on to these once it is let go."""

        def then(listener: Callable[[Any], None]) -> Callable[[Any], None]:
            def told(news: Any) -> None:
                self._run = None
                listener(news)

            return told

        let_go = replace(callbacks, on_result=then(callbacks.on_result), on_failure=then(callbacks.on_failure))
        self._run = run = new_run(let_go)
        run.start()

    def cancel(self) -> None:
        """End it soon, where there is one."""
        if self._run is not None:
            self._run.cancel()

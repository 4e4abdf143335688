"""Looks again whether results match their inputs, soon after an input, its transform, or the scene has changed."""

from __future__ import annotations

from collections.abc import Callable

from ..nodes import InputWatch
from .results import made_of, result_nodes
from .staleness import mark


class StaleWatch(InputWatch):
    """Keeps the marks of all results in the scene up to date, until :meth:`close`.

    Args:
        bundle: gives the name of the bundle in use, "" where that is not known yet.
        on_looked: hears each time the marks were looked at.
    """

    def __init__(self, bundle: Callable[[], str], on_looked: Callable[[], None]) -> None:
        def look() -> None:
            mark(result_nodes(), bundle())
            on_looked()

        super().__init__(lambda: [source for node in result_nodes() for source in made_of(node)[1].values()], look)

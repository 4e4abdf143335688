"""Independent pieces of work side by side on a CPU, one thread each.

Small convolutions and short sums do not scale over the threads of one operation: two pieces of work beside each other,
each in one thread, are done in little more than the time of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
#: Hears of the share of a piece of work that is done, and stops it by raising.
Still = Callable[[float], None]


class _StopError(Exception):
    """Ends a piece of work that nobody waits for any more."""


def side_by_side(
    work: Callable[[Item, Still], Result],
    items: Sequence[Item],
    workers: int,
    progress: Callable[[float, Item], None],
) -> Iterator[tuple[Item, Result]]:
    """Results as they are ready, each with its item; the first exception of any ends all.

    Args:
        work: called in a thread of its own, in which torch computes with a single thread. It should call what it is
            given, ``still(share)``, often: there it is stopped when another piece, or the caller, failed.
        items: hashable, different.
        workers: pieces of work at a time.
        progress: hears, in the caller's thread, of the share of all work that is done, and the item at hand; whatever
            it raises stops the work.
    """
    stop, news = Event(), SimpleQueue[tuple[Item, float | Future[Result]]]()
    threads = torch.get_num_threads()

    def one(item: Item) -> Result:
        def still(share: float) -> None:
            if stop.is_set():
                raise _StopError
            news.put((item, share))

        return work(item, still)

    shares = dict.fromkeys(items, 0.0)
    with ThreadPoolExecutor(max(1, min(workers, len(items))), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                pool.submit(one, item).add_done_callback(lambda done, item=item: news.put((item, done)))  # type: ignore[misc]
            left = len(items)
            while left:
                item, what = news.get()
                if isinstance(what, Future):
                    left -= 1
                    shares[item] = 1.0
                    yield item, what.result()
                else:
                    shares[item] = what
                progress(sum(shares.values()) / len(items), item)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # new threads of this process would have one only

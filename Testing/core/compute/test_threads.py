"""Work side by side: everything once, in threads of one thread each, stopped as a whole."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from mmhvae.compute.threads import side_by_side


def silent(share, item):
    pass


@pytest.mark.parametrize("workers", [1, 3, 40])
def test_every_piece_is_done_once_with_one_thread_of_torch_and_the_callers_threads_stay(workers):
    before = torch.get_num_threads()
    found = dict(side_by_side(lambda item, still: (item**2, torch.get_num_threads()), range(20), workers, silent))
    assert found == {item: (item**2, 1) for item in range(20)}
    assert torch.get_num_threads() == before
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [before]


def take(results):
    for _ in results:
        raise ValueError("caller")


def test_pieces_are_at_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=20)
    assert len(list(side_by_side(lambda item, still: meeting.wait(), range(3), 3, silent))) == 3


def test_progress_comes_in_the_callers_thread_and_rises():
    told, threads = [], set()

    def work(item, still):
        still(0.25)
        still(0.5)

    def hear(share, item):
        told.append(share)
        threads.add(threading.get_ident())

    list(side_by_side(work, range(4), 2, hear))
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) == 12
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("where", ["work", "progress", "caller"])
def test_a_failure_anywhere_stops_the_others_where_they_are(where):
    started = []

    def work(item, still):
        started.append(item)
        if where == "work" and item == 0:
            raise ValueError(where)
        for _ in range(2000):  # ten seconds, unless it is stopped
            still(0.0)
            time.sleep(0.005)

    def hear(share, item):
        if where == "progress" and item == 1:
            raise ValueError(where)

    begun = time.monotonic()
    with pytest.raises(ValueError, match=where):
        take(side_by_side(work if where != "caller" else lambda item, still: None, range(50), 2, hear))
    assert len(started) < 50
    assert time.monotonic() - begun < 9

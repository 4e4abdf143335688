"""Requests, cancellations and their folders, with an engine that answers what it was asked."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from MMHVAESynthesisLib.engine.jobs import Callbacks

from .users import User, echoing, gone_soon

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


@pytest.fixture
def echo(make, tmp_path) -> User:
    return make(python=echoing(tmp_path))


def test_paths_arrive_absolute_and_numbers_unchanged(echo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = echo.wait(echo.ask("x", inputs={"us": Path("us.mha")}, clip=(1, 2, 3, 4), device="cpu", none=None)).result
    assert result["inputs"] == {"us": str(tmp_path / "us.mha")}
    assert (result["clip"], result["device"], result["none"]) == ([1, 2, 3, 4], "cpu", None)


def test_cancel_before_the_engine_is_ready_sends_nothing(echo):
    heard = echo.ask("x")
    echo.engine.cancel(heard.job)
    assert heard.failure.kind == "cancelled"
    assert echo.wait(echo.ask("x")).result["pid"] == echo.engine.readiness.pid
    assert heard.results == []


def test_a_result_that_crosses_its_cancellation_is_dropped(echo):
    echo.wait(echo.ask("x"))
    heard = echo.ask("x")
    echo.engine.cancel(heard.job)
    assert echo.wait(heard).failure.kind == "cancelled"


def test_the_death_of_an_idle_engine_is_nobodys_business(echo):
    first = echo.wait(echo.ask("x")).result["pid"]
    os.kill(first, signal.SIGKILL)
    assert gone_soon(first)
    time.sleep(0.2)  # for its pipes to end
    assert echo.wait(echo.ask("x")).result["pid"] != first


def test_a_folder_that_was_tidied_away_is_made_again(echo):
    first = echo.wait(echo.ask("x")).result["folder"]
    shutil.rmtree(first)
    second = echo.ask("x")
    assert str(second.job.folder.parent) != first
    assert echo.wait(second).result["folder"] == str(second.job.folder.parent)


def test_fifty_jobs_in_a_row_leave_nothing_behind(echo, tmp_path):
    pids = {echo.wait(echo.ask("x")).result["pid"] for _ in range(50)}
    assert len(pids) == 1
    assert [list(folder.iterdir()) for folder in tmp_path.glob("mmhvae-engine-*")] == [[]]


def test_a_callback_that_raises_loses_nothing(user):
    def raising(result: dict) -> None:
        raise ZeroDivisionError

    job = user.engine.job()
    user.engine.submit(job, "self_test", {"device": "cpu"}, Callbacks(raising, raising))
    second = user.ask("self_test", device="cpu")
    with pytest.raises(ZeroDivisionError):
        user.until(lambda: not user.engine.is_pending(job))
    assert not job.folder.exists()
    assert user.wait(second).result["device"] == "cpu"

"""Engines that do not start, are another one, or never get ready: one sentence each."""

from __future__ import annotations

import sys

import mmhvae
import pytest
from MMHVAESynthesisLib.engine import client as engine_module
from MMHVAESynthesisLib.engine.process import SubprocessProcess

from .users import gone_soon

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


HELLO = '{{"type": "hello", "protocol": {}, "version": "{}", "package": "{}", "pid": 0}}'


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (HELLO.format(1, "0.0.1", engine_module.CORE), "found mmhvae 0.0.1"),
        (HELLO.format(99, mmhvae.__version__, engine_module.CORE), "restart the program"),
        (HELLO.format(1, mmhvae.__version__, "/elsewhere/mmhvae"), "in /elsewhere/mmhvae"),
        ('{"type": "ready", "python": "3", "torch": "2", "devices": [], "problem": ""}', "not understood"),
        ('{"type": "hello"', "not understood"),
        ('{"type": "hello"}', "not understood"),
    ],
)
def test_another_engine_is_refused(make, tmp_path, said, words):
    """Something that is not this very core answers, and would go on working."""
    script = tmp_path / "stranger.py"
    script.write_text(f"import time\nprint({said!r}, flush=True)\ntime.sleep(600)\n")
    children = []

    class Remembered(SubprocessProcess):
        def start(self, *arguments: object) -> None:
            super().start(*arguments)
            children.append(self._child.pid)

    user = make(python=(sys.executable, str(script)), new_process=Remembered)
    failure = user.wait(user.ask("self_test")).failure
    assert failure.kind == "engine"
    assert words in failure.message
    assert gone_soon(children[0])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/python",), "cannot be started"),
        ((sys.executable, "-c", "raise SystemExit('no such thing')"), "before it was ready (status 1); open Check"),
    ],
)
def test_an_engine_that_does_not_start_is_one_message(make, command, words):
    user = make(python=command)
    failure = user.wait(user.ask("self_test")).failure
    assert words in failure.message
    assert failure.message.count("\n") == 0
    assert failure.log in ("", "no such thing")


def test_an_engine_that_never_gets_ready_is_given_up(make, monkeypatch):
    monkeypatch.setattr(engine_module, "START_LIMIT", 0.3)
    user = make(python=(sys.executable, "-c", "import time; time.sleep(600)"))
    assert "not ready" in user.wait(user.ask("self_test")).failure.message

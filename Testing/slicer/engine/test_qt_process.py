"""The engine process on Qt's event loop, with real processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from pathlib import Path

import rig

rig.require()

import pytest
import shiboken6
import slicer
from MMHVAESynthesisLib.engine import qt_process
from MMHVAESynthesisLib.engine.client import Engine
from MMHVAESynthesisLib.engine.jobs import Callbacks, Failure
from MMHVAESynthesisLib.engine.qt_process import QtProcess

from .users import echoing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


class Heard:
    """A listener that remembers, and what it was told last."""

    def __init__(self) -> None:
        self.output, self.log, self.ends = b"", b"", []

    def received(self, data: bytes) -> None:
        assert self.ends == []
        self.output += data

    def logged(self, data: bytes) -> None:
        assert self.ends == []
        self.log += data

    def ended(self, status: int | None) -> None:
        self.ends.append(status)


def started(tmp_path: Path, program: str, **variables: str) -> tuple[QtProcess, Heard]:
    process, heard = QtProcess(), Heard()
    process.start([sys.executable, "-u", "-c", program], {**os.environ, **variables}, tmp_path, heard)
    return process, heard


def test_output_log_folder_and_environment_arrive_before_the_end(scene, tmp_path):
    program = (
        "import os, sys; print(os.getcwd(), os.environ['WHO']); print('x' * 300000);"
        "sys.stderr.write('warned'); sys.exit(3)"
    )
    _process, heard = started(tmp_path, program, WHO="\u00e4 b")
    rig.wait_until(lambda: heard.ends)
    assert heard.ends == [3]
    first, second = heard.output.decode().splitlines()
    assert first == f"{tmp_path.resolve()} \u00e4 b"
    assert len(second) == 300000
    assert heard.log == b"warned"


def test_what_is_sent_arrives_and_the_end_of_input_too(scene, tmp_path):
    process, heard = started(tmp_path, "import sys; print(len(sys.stdin.read()))")
    process.send(b"12\n" * 100_000)
    process.close_input()
    rig.wait_until(lambda: heard.ends)
    assert heard.output.strip() == b"300000"
    process.send(b"lost")
    process.close_input()
    process.kill()


def test_killing_tells_the_signal(scene, tmp_path):
    process, heard = started(tmp_path, "import time; print('here'); time.sleep(600)")
    rig.wait_until(lambda: heard.output)
    process.kill()
    rig.wait_until(lambda: heard.ends)
    assert heard.ends == [-signal.SIGKILL]


def test_without_an_event_loop_polling_hears_it_all(scene, tmp_path):
    process, heard = started(tmp_path, "print('here')")
    limit = time.monotonic() + 60
    while not heard.ends and time.monotonic() < limit:
        process.poll(0.05)
    assert (heard.output.strip(), heard.ends) == (b"here", [0])


def test_polling_does_not_wait_longer_than_it_is_told(scene, tmp_path):
    process, heard = started(tmp_path, "import time; time.sleep(600)")
    begun = time.monotonic()
    process.poll(0.2)
    assert 0.1 < time.monotonic() - begun < 5
    process.kill()
    rig.wait_until(lambda: heard.ends)


def test_the_end_of_a_launcher_is_the_end_though_its_child_holds_the_output(scene, tmp_path):
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    program = f"import subprocess, sys; print(subprocess.Popen({sleeper}).pid)"
    _process, heard = started(tmp_path, program)
    rig.wait_until(lambda: heard.ends)
    assert heard.ends == [0]
    os.kill(int(heard.output), signal.SIGKILL)


def test_a_process_that_qt_deletes_while_it_runs_is_an_end(scene, tmp_path):
    """As happens when Python ends: Qt kills it then, and says so when it is no object any more."""
    process, heard = started(tmp_path, "import time; print('here', flush=True); time.sleep(600)")
    rig.wait_until(lambda: heard.output)
    shiboken6.delete(process._child)
    assert heard.ends == [-signal.SIGKILL]
    process.kill()
    process.poll(0.1)
    (said,) = slicer.app.errors
    assert "Destroyed while process" in str(said)
    slicer.app.errors.clear()


def test_a_program_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(OSError, match="/nowhere/python"):
        QtProcess().start(["/nowhere/python"], {}, tmp_path, Heard())


def test_a_program_that_cannot_run_is_an_end(scene, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF no program")
    broken.chmod(0o755)
    process, heard = QtProcess(), Heard()
    process.start([str(broken)], dict(os.environ), tmp_path, heard)
    rig.wait_until(lambda: heard.ends)
    assert heard.ends == [None] or heard.ends[0] > 0


@pytest.fixture
def engine(scene, tmp_path):
    engine = Engine(echoing(tmp_path), new_process=QtProcess, root=tmp_path)
    yield engine
    engine.close()
    assert list(tmp_path.glob("mmhvae-engine-*")) == []


def ask(engine: Engine, method: str = "echo", **parameters: object) -> list[object]:
    """What is heard: what was asked, echoed, or a failure."""
    heard: list[object] = []

    def echoed(result: dict[str, object]) -> None:
        heard.append({name: result[name] for name in parameters})

    engine.submit(engine.job(), method, parameters, Callbacks(echoed, heard.append))
    return heard


def test_the_engine_answers_over_the_event_loop(engine):
    heard = ask(engine, text="\u00e4", n=3)
    rig.wait_until(lambda: heard)
    assert heard == [{"text": "\u00e4", "n": 3}]
    many = [ask(engine, n=n) for n in range(50)]
    rig.wait_until(lambda: all(many))
    assert [answers[0]["n"] for answers in many] == list(range(50))


def test_a_killed_engine_is_one_message_and_the_next_request_works(engine):
    first = ask(engine)
    rig.wait_until(lambda: first)
    heard = ask(engine, "never")
    os.kill(engine.readiness.pid, signal.SIGKILL)
    rig.wait_until(lambda: heard)
    text = "The engine stopped unexpectedly (signal 9); try again, a new one will be started."
    assert [(failure.kind, failure.message) for failure in heard if isinstance(failure, Failure)] == [("engine", text)]
    again = ask(engine, n=1)
    rig.wait_until(lambda: again)
    assert again == [{"n": 1}]


def test_an_engine_that_ignores_cancel_is_killed(engine):
    first = ask(engine)
    rig.wait_until(lambda: first)
    pid = engine.readiness.pid
    heard: list[Failure] = []
    job = engine.job()
    engine.submit(job, "never", {}, Callbacks(heard.append, heard.append))
    engine.cancel(job)

    def poll_and_look() -> bool:
        engine.poll()
        return bool(heard)

    rig.wait_until(poll_and_look)
    assert heard[0].kind == "cancelled"
    assert engine.readiness is None
    rig.wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())


def test_a_process_that_is_slow_to_die_is_kept_until_it_has(scene, tmp_path, monkeypatch):
    """As on a computer that is busy: else Qt complains, and holds up this program, or ends it as it quits."""
    monkeypatch.setattr(qt_process, "KILLED_WITHIN", 0)
    process, heard = started(tmp_path, "import time; print(1); time.sleep(60)")
    rig.wait_until(lambda: heard.output)
    process.kill()
    assert heard.ends == [None]
    del process
    gc.collect()
    rig.wait_until(lambda: not qt_process._dying)
    rig.process_events(20)  # and no complaint, which the scene's fixture looks for

"""The engine's client with real processes: the same numbers as without it, and what happens when things go wrong."""

from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import mmhvae
import MMHVAESynthesisLib
import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import load_bundle, synthesize
from mmhvae.images.volumes import same_grid
from MMHVAESynthesisLib.engine import client as engine_module
from MMHVAESynthesisLib.engine.jobs import Callbacks, Failure
from MMHVAESynthesisLib.engine.private_folder import sweep_abandoned_folders

from .users import PATIENCE, echoing, gone_soon

#: More work than any test waits for.
ENDLESS = {"targets": ["t2", "flair", "cet1"], "samples": 50, "slice_axis": "all"}


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


@pytest.fixture
def launcher(tmp_path) -> tuple[str, ...]:
    """A command that runs Python as its child, as Slicer's launcher does, and talks."""
    script = tmp_path / "launcher.py"
    script.write_text(
        "import subprocess, sys\n"
        "print('Launching Python', flush=True)\n"
        "sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))\n"
    )
    return (sys.executable, str(script))


def test_the_result_is_exactly_that_of_one_process(user, files, request_):
    heard = user.wait(user.ask("synthesize", **request_, targets=["t2", "flair"], samples=2, seed=3))
    us = sitk.ReadImage(str(files / "us.mha"))
    expected = synthesize(load_bundle(files / "bundle"), {"us": us}, ["t2", "flair"], samples=2, seed=3, device="cpu")
    wanted = expected.images | {f"{name}-uncertainty": image for name, image in expected.uncertainty.items()}
    assert heard.images.keys() == wanted.keys()
    for name, image in wanted.items():
        assert same_grid(heard.images[name], image)
        assert heard.images[name].GetDirection() == us.GetDirection()
        assert np.array_equal(sitk.GetArrayFromImage(heard.images[name]), sitk.GetArrayFromImage(image))
    assert heard.result["weights_sha256"] == load_bundle(files / "bundle").manifest.weights_sha256
    assert heard.progress == sorted(heard.progress)
    assert len(heard.progress) > 3


def test_files_are_private_and_gone_with_their_job(user, request_):
    heard = user.ask("synthesize", **request_, targets=["t2"])
    private = heard.job.folder.parent
    assert stat.S_IMODE(private.stat().st_mode) == stat.S_IMODE(heard.job.folder.stat().st_mode) == 0o700
    user.wait(heard)
    assert Path(heard.result["images"]["t2"]).parent == heard.job.folder
    assert list(private.iterdir()) == []


def test_a_second_request_finds_the_bundle_warm(user, request_):
    loaded = user.wait(user.ask("load", bundle=request_["bundle"])).result
    assert loaded["modalities"] == ["us", "t2", "cet1", "flair"]
    assert user.wait(user.ask("synthesize", **request_, targets=["t2"])).result["warm"] is True


def test_a_bad_request_is_one_sentence_and_the_next_one_works(user, request_):
    failure = user.wait(user.ask("synthesize", **request_ | {"bundle": "/nowhere"}, targets=["t2"])).failure
    sentence = "There is no bundle /nowhere; check the path, or the name of an installed model."
    assert failure == Failure("input", sentence)
    assert user.wait(user.ask("self_test", device="cpu")).result["device"] == "cpu"


def test_cancel_stops_the_work_and_the_engine_survives(user, request_, monkeypatch):
    monkeypatch.setattr(engine_module, "CANCEL_GRACE", PATIENCE)  # a busy machine is slow to answer, too
    user.wait(user.ask("load", bundle=request_["bundle"]))
    pid = user.engine.readiness.pid
    heard, queued = (user.ask("synthesize", **request_, **ENDLESS) for _ in range(2))
    user.until(lambda: max(heard.progress, default=0) > 0.005)
    reports = len(heard.progress)
    for job in (queued.job, heard.job, heard.job):
        user.engine.cancel(job)
    assert user.wait(heard).failure == user.wait(queued).failure == Failure("cancelled", "Cancelled.")
    assert len(heard.progress) == reports
    assert user.wait(user.ask("synthesize", **request_, targets=["t2"])).result["warm"] is True
    assert user.engine.readiness.pid == pid


def test_a_killed_engine_is_one_message_and_the_next_request_works(user, request_):
    heard = user.ask("synthesize", **request_, **ENDLESS)
    user.until(lambda: len(heard.progress) > 1)
    os.kill(user.engine.readiness.pid, signal.SIGKILL)
    failure = user.wait(heard).failure
    assert failure.kind == "engine"
    assert failure.message == "The engine stopped unexpectedly (signal 9); try again, a new one will be started."
    assert user.engine.readiness is None
    assert user.wait(user.ask("synthesize", **request_, targets=["t2"])).result["device"] == "cpu"
    assert len(heard.failures) == 1


def test_an_engine_that_ignores_cancel_is_killed_behind_its_launcher(make, launcher, request_):
    """It is stopped, as if it hung in a driver; only its own PID reaches it, for the launcher would orphan it."""
    user = make(python=launcher)
    heard = user.ask("synthesize", **request_, **ENDLESS)
    user.until(lambda: len(heard.progress) > 1)
    worker = user.engine.readiness.pid
    above = parent(worker)
    assert above != os.getpid()
    os.kill(worker, signal.SIGSTOP)
    user.engine.cancel(heard.job)
    assert user.wait(heard).failure.kind == "cancelled"
    assert gone_soon(worker)
    assert gone_soon(above)
    assert user.engine.readiness is None


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_a_worker_does_not_outlive_its_launcher(make, launcher, request_):
    user = make(python=launcher)
    heard = user.ask("synthesize", **request_, **ENDLESS)
    user.until(lambda: len(heard.progress) > 1)
    worker = user.engine.readiness.pid
    os.kill(parent(worker), signal.SIGKILL)
    assert user.wait(heard).failure.kind == "engine"
    assert gone_soon(worker)


def test_closing_leaves_no_process_and_no_file(make, request_, tmp_path):
    user = make()
    heard = user.ask("synthesize", **request_, **ENDLESS)
    user.until(lambda: len(heard.progress) > 1)
    worker = user.engine.readiness.pid
    user.engine.close()
    assert heard.failure.kind == "cancelled"
    assert gone_soon(worker)
    assert list(tmp_path.glob("mmhvae-engine-*")) == []


def test_who_asks_for_the_next_job_while_it_is_closed_does_not_start_it_again(make, tmp_path):
    """As Check setup does, whose next line follows each failure."""
    engine, failures = make().engine, []

    def ask(failure=None):
        failures.append(failure)
        if len(failures) < 4:
            engine.submit(engine.job(), "self_test", {"device": "cpu"}, Callbacks(failures.append, ask))

    ask()
    engine.close(0)
    assert [failure.kind for failure in failures[1:]] == ["cancelled"] * 3
    assert engine._session is None
    assert list(tmp_path.glob("mmhvae-engine-*")) == []


def test_the_engine_ends_when_its_client_is_killed(tmp_path):
    """The client is a process of its own here, and dies without a word; its folder is swept by the next one.

    Of the engine, all that counts is that it ends with its input, see :mod:`Testing.core.tasks.test_worker`.
    """
    program = tmp_path / "client.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(Path(mmhvae.__file__).resolve().parents[1])!r})\n"
        "from pathlib import Path\n"
        "from MMHVAESynthesisLib.engine.client import Engine\n"
        "say = lambda ready: print(ready.pid, flush=True)\n"
        f"engine = Engine({echoing(tmp_path)!r}, root=Path({str(tmp_path)!r}), on_ready=say)\n"
        "engine.start()\n"
        "while True: engine.poll(0.1)\n"
    )
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as client:
        worker = int(client.stdout.readline())
        client.kill()
    assert gone_soon(worker)
    (left,) = tmp_path.glob("mmhvae-engine-*")
    assert sweep_abandoned_folders(tmp_path) == [left]
    assert not left.exists()


CHATTER = """
import os, sys
print("a library greets")
def talk(event, arguments):
    if event in ("import", "open"):
        try:
            os.write(1, b"from C\\n")
            print("from Python {\\"type\\": \\"result\\"}", flush=True)
        except (OSError, RuntimeError, ValueError):
            pass
busy = False
def hook(event, arguments):
    global busy
    if sys.modules.get("mmhvae.tasks.table") and not busy:
        busy = True
        talk(event, arguments)
        busy = False
sys.addaudithook(hook)
"""


def test_a_library_that_prints_breaks_nothing(make, request_, tmp_path, monkeypatch):
    """Whenever the engine opens a file or imports, something is written to standard output, from C and from Python."""
    (tmp_path / "sitecustomize.py").write_text(CHATTER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log: list[str] = []
    user = make(on_log=log.append)
    assert "t2" in user.wait(user.ask("synthesize", **request_, targets=["t2"], samples=1)).images
    assert {"a library greets", "from C"} <= set(log)


def test_the_client_needs_neither_slicer_nor_anything_heavy():
    """Files that programs without Qt use, too."""
    names, outside = ("client", "jobs", "session", "process", "private_folder"), {}
    for name in names:
        file = Path(MMHVAESynthesisLib.__file__).parent / "engine" / f"{name}.py"
        tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        imported = [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
        tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        imported += [node.module for node in tree if isinstance(node, ast.ImportFrom) and not node.level]
        top = {module.split(".")[0] for module in imported}
        outside[name] = top - set(sys.stdlib_module_names) - {"mmhvae"}
    assert not any(outside.values()), outside
    wanted = ", ".join(f"MMHVAESynthesisLib.engine.{name}" for name in names)
    program = f"import sys; sys.path[:0] = {sys.path!r}; import {wanted}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"

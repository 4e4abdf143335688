"""The engine's client with real processes: the same numbers as without it, and what happens when things go wrong."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import mmhvae
import MMHVAESynthesisLib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import load_bundle, synthesize
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.images import image_on, same_grid
from mmhvae.network import MMHVAE, MMHVAEConfig
from MMHVAESynthesisLib import engine as engine_module
from MMHVAESynthesisLib.engine import Engine
from MMHVAESynthesisLib.jobs import Callbacks, Failure, Job
from MMHVAESynthesisLib.private_folder import create_private_folder, sweep_abandoned_folders
from MMHVAESynthesisLib.process import SubprocessProcess, is_running
from MMHVAESynthesisLib.session import Session

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
#: More work than any test waits for.
ENDLESS = {"targets": ["t2", "flair", "cet1"], "samples": 50, "slice_axis": "all"}
PATIENCE = 60.0  # seconds; only a failing test waits that long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


@dataclass
class Heard:
    """What the callbacks of one job were told; ``files`` are those that lay in its folder at its result."""

    job: Job
    progress: list[float] = field(default_factory=list)
    results: list[dict] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    images: dict[str, sitk.Image] = field(default_factory=dict)

    def take(self, result: dict) -> None:
        self.results.append(result)
        self.images = {name: sitk.ReadImage(path) for name, path in result.get("images", {}).items()}
        for name, path in result.get("uncertainty", {}).items():
            self.images[f"{name}-uncertainty"] = sitk.ReadImage(path)

    @property
    def failure(self) -> Failure:
        assert not self.results
        assert len(self.failures) == 1
        return self.failures[0]

    @property
    def result(self) -> dict:
        assert not self.failures, self.failures
        assert len(self.results) == 1
        return self.results[0]


class User:
    """Drives an engine as a program does: submits, polls, waits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ask(self, method: str, **parameters: object) -> Heard:
        heard = Heard(self.engine.job())
        report = lambda fraction, message: heard.progress.append(fraction)  # noqa: E731
        self.engine.submit(heard.job, method, parameters, Callbacks(heard.take, heard.failures.append, report))
        return heard

    def wait(self, heard: Heard) -> Heard:
        self.until(lambda: not self.engine.is_pending(heard.job))
        return heard

    def until(self, happened: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < limit
            self.engine.poll(0.02)


def gone(pid: int) -> bool:
    """Whether a process is no more, or only a name that its parent has not struck off."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not is_running(pid)


def gone_soon(pid: int) -> bool:
    limit = time.monotonic() + PATIENCE
    while not gone(pid) and time.monotonic() < limit:
        time.sleep(0.02)
    return gone(pid)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A tiny bundle, and an oblique, left-handed ultrasound-like volume."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    save_bundle(Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests"), "card"), folder / "bundle")
    rng = np.random.default_rng(0)
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    direction[:, 0] *= -np.sign(np.linalg.det(direction))
    grid = sitk.Image((22, 20, 24), sitk.sitkFloat32)
    grid.SetDirection(direction.ravel().tolist())
    grid.SetSpacing([0.81, 0.93, 1.17])
    grid.SetOrigin([12.3, -45.6, 78.9])
    sitk.WriteImage(image_on(rng.uniform(20, 250, (24, 20, 22)).astype(np.float32), grid), str(folder / "us.mha"))
    return folder


@pytest.fixture
def request_(files) -> dict:
    return {"bundle": files / "bundle", "inputs": {"us": files / "us.mha"}, "device": "cpu"}


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """One warm engine for the tests that leave it alive."""
    user = User(Engine(root=tmp_path_factory.mktemp("root")))
    yield user
    user.engine.close()


@pytest.fixture
def make(tmp_path):
    """Engines of a test's own."""
    made = []

    def new(**arguments: object) -> User:
        made.append(Engine(root=tmp_path, **arguments))
        return User(made[-1])

    yield new
    for engine in made:
        engine.close()
    assert list(tmp_path.glob("mmhvae-engine-*")) == []


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
    assert failure == Failure("input", "There is no bundle /nowhere; check the path.")
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


def test_a_killed_engine_is_one_message_and_the_next_request_works(make, request_):
    user = make()
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


def test_the_engine_ends_when_its_client_is_killed(tmp_path):
    """The client is a process of its own here, and dies without a word; its folder is swept by the next one."""
    program = tmp_path / "client.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(Path(mmhvae.__file__).resolve().parents[1])!r})\n"
        "from pathlib import Path\n"
        "from MMHVAESynthesisLib.engine import Engine\n"
        f"engine = Engine(root=Path({str(tmp_path)!r}), on_ready=lambda ready: print(ready.pid, flush=True))\n"
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
    if sys.modules.get("mmhvae.tasks") and not busy:
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
    assert user.wait(user.ask("synthesize", **request_, targets=["t2"])).images.keys() == {"t2"}
    assert {"a library greets", "from C"} <= set(log)


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


ECHO = f"""
import json, os, sys
def say(**message):
    print(json.dumps(message), flush=True)
say(type="hello", protocol=1, version={mmhvae.__version__!r}, package={str(engine_module.CORE)!r}, pid=os.getpid())
say(type="ready", python="3", torch="2", devices=[], problem="")
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "shutdown":
        break
    if request["method"] != "cancel":
        say(type="result", id=request["id"], result=request["parameters"] | dict(folder=os.getcwd(), pid=os.getpid()))
"""


@pytest.fixture
def echo(make, tmp_path) -> User:
    """An engine that starts at once, and answers with what it was asked."""
    (tmp_path / "echo.py").write_text(ECHO)
    return make(python=(sys.executable, str(tmp_path / "echo.py")))


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


def test_lines_are_whole_however_they_arrive_and_survive_a_listener_that_raises():
    lines: list[bytes] = []

    def take(session: Session, line: bytes) -> None:
        lines.append(line)
        if line == b"second":
            raise ZeroDivisionError

    session = Session(SubprocessProcess(), take, lambda session, status: None, lambda text: None)
    session.received(b"fi")
    session.received(b"rst\nsec")
    with pytest.raises(ZeroDivisionError):
        session.received(b"ond\nthird\nfour")
    session.received(b"")
    assert lines == [b"first", b"second", b"third"]


def test_only_folders_of_dead_owners_are_swept(tmp_path):
    mine = create_private_folder(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    prefix = mine.name.rsplit("-", 2)[0]
    names = {
        f"{prefix}-{dead.pid}-abcd": False,
        f"{prefix}-{os.getppid()}-abcd": True,
        f"mmhvae-engine-otherhost-{dead.pid}-abcd": True,
        f"{prefix}-x-abcd": True,
        f"something-{dead.pid}-abcd": True,
        mine.name: True,
    }
    for name in names:
        (tmp_path / name / "1").mkdir(parents=True, exist_ok=True)
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / f"{prefix}-{dead.pid}-link").symlink_to(target)
    sweep_abandoned_folders(tmp_path)
    assert {name: (tmp_path / name).is_dir() for name in names} == names
    assert target.is_dir()


@pytest.mark.parametrize("name", ["engine", "jobs", "session", "process", "private_folder"])
def test_the_client_needs_neither_slicer_nor_anything_heavy(name):
    tree = ast.parse((Path(MMHVAESynthesisLib.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    top = {module.split(".")[0] for module in imported}
    assert top <= set(sys.stdlib_module_names) | {"mmhvae"}
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import MMHVAESynthesisLib.{name}; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"

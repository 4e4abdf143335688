"""Who drives an engine as a program does, what was heard of it, and whether its processes are gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import mmhvae
import SimpleITK as sitk
from mmhvae.network.model import MMHVAEConfig
from MMHVAESynthesisLib.engine.client import CORE, Engine
from MMHVAESynthesisLib.engine.jobs import Callbacks, Failure, Job
from MMHVAESynthesisLib.engine.process import is_running

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


ECHO = f"""
import json, os, sys
def say(**message):
    print(json.dumps(message), flush=True)
say(type="hello", protocol=1, version={mmhvae.__version__!r}, package={str(CORE)!r}, pid=os.getpid())
say(type="ready", python="3", torch="2", devices=[], problem="")
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "shutdown":
        break
    if request["method"] not in ("cancel", "never"):
        say(type="result", id=request["id"], result=request["parameters"] | dict(folder=os.getcwd(), pid=os.getpid()))
"""


def echoing(folder: Path) -> tuple[str, ...]:
    """The command of an engine that starts at once, for it has no torch to load, and answers with what it was asked.

    ``never`` it does not answer.
    """
    (folder / "echo.py").write_text(ECHO)
    return sys.executable, str(folder / "echo.py")


PATIENCE = 60.0  # seconds; only a failing test waits that long


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

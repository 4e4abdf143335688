"""An engine process that answers at once, as a test has planned it: work with large images, many times a second."""

from __future__ import annotations

import os
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmhvae
import numpy as np
from mmhvae.answers import RegistrationAnswer, SynthesisAnswer
from mmhvae.protocol import PROTOCOL_VERSION, Message, decode, encode
from mmhvae.settings import RegistrationSettings, SynthesisSettings

#: No process has this number: what is killed by it is nobody.
NOBODY = 1 << 23
DONE, REFUSED, SILENT, DIES = "done", "refused", "silent", "dies"


class ScriptedProcess:
    """See :class:`MMHVAESynthesisLib.engine.Process`; what it does with the next jobs stands in :attr:`plan`."""

    plan = DONE

    def start(self, command: Any, environment: Any, folder: Path, listener: Any) -> None:
        self._listener: Any = listener
        self._folder = folder
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        package = os.path.normcase(Path(mmhvae.__file__).resolve().parent)
        hello = {"protocol": PROTOCOL_VERSION, "version": mmhvae.__version__, "package": package, "pid": NOBODY}
        self._say({"type": "hello", **hello})
        devices = [{"name": "cpu", "label": "CPU"}]
        self._say({"type": "ready", "python": "3", "torch": "2", "devices": devices, "problem": ""})

    def send(self, data: bytes) -> None:
        for line in data.splitlines():
            request = decode(line)
            if request["method"] in ANSWERS:
                self._work(request)
            elif request["method"] == "cancel":
                self._say(
                    {"type": "error", "id": request["id"], "kind": "cancelled", "message": "Cancelled.", "log": ""}
                )

    def close_input(self) -> None:
        """It needs no telling."""

    def kill(self) -> None:
        self._listener = None

    def poll(self, timeout: float) -> None:
        while self._listener is not None and not self._events.empty():
            self._events.get()()

    def _work(self, request: Message) -> None:
        number = request["id"]
        self._say({"type": "progress", "id": number, "fraction": 0.5, "message": "half"})
        if self.plan == DONE:
            answer = ANSWERS[request["method"]](request["parameters"], self._folder / str(number))
            self._say({"type": "result", "id": number, "result": answer})
        elif self.plan == REFUSED:
            self._say({"type": "error", "id": number, "kind": "input", "message": "No.", "log": ""})
        elif self.plan == DIES:
            self._events.put(lambda: self._listener.ended(-9))

    def _say(self, message: Message) -> None:
        self._events.put(lambda: self._listener.received(encode(message)))


def _synthesize(parameters: Message, folder: Path) -> Message:
    """Every image is the ultrasound again."""
    paths: dict[str, dict[str, str]] = {"images": {}, "uncertainty": {}}
    for group, named in paths.items():
        for name in parameters["targets"]:
            named[name] = str(folder / f"{group}-{name}.mha")
            shutil.copyfile(parameters["inputs"]["us"], named[name])
    return SynthesisAnswer(
        images=paths["images"],
        uncertainty=paths["uncertainty"],
        field_of_view="",
        reconstruction=None,
        bundle=str(parameters["bundle"]),
        weights_sha256="",
        warm=True,
        device="cpu",
        precision="float32",
        seconds=0.0,
        notice="",
        settings=SynthesisSettings(),
    ).to_json()


def _register_case(parameters: Message, folder: Path) -> Message:
    matrix = np.eye(4)
    matrix[0, 3] = 2
    return RegistrationAnswer(
        transform="",
        matrix=tuple(matrix.ravel().tolist()),
        similarity_before=0.1,
        similarity_after=0.2,
        converged=True,
        verdict="good",
        expected_error_mm=1.0,
        reason="As planned.",
        evidence={},
        witnesses=(),
        witnessed="",
        moved_mm=2.0,
        moved_deg=0.0,
        device="cpu",
        seconds=0.0,
        notice="",
        settings=RegistrationSettings(),
        region_share=None,
    ).to_json()


ANSWERS = {"synthesize": _synthesize, "register_case": _register_case}

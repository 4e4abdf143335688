"""The engine: ``python -m mmhvae.worker`` works for one client, by the messages of :mod:`mmhvae.protocol`.

It is a process of its own because importing torch can crash the program it happens in, a GPU fault poisons it, and
work must not hold up a screen in the operating room. Results of request N are files in the folder ``N`` of the folder
that it was started in, which is the client's, private, and the client's to remove. It ends when its input ends.
"""

from __future__ import annotations

import os
import platform
import re
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path

from .compute import give_back, kept_heap
from .exceptions import Cancelled, InputError, InputNotice
from .protocol import PROTOCOL_VERSION, Message, Pipes, decode, take_standard_streams
from .tasks import Parameters
from .version import __version__

#: Seconds between two reports of progress on the same thing.
REPORT_INTERVAL = 0.1
#: Requests of this kind come many a second: memory is kept between them.
NEXT_FOLLOWS = "live_frame"
#: Seconds that work in progress is given to notice that the client is gone.
LAST_SECONDS = 1.0

CANCELLED = "Cancelled."
DEFECT = "The engine met an error of its own; please report it with the details in the log."
NO_MEMORY = "The memory is not enough for this; close other programs, or ask for fewer samples."


class Inbox:
    """Requests in the order they came, and which of them are not wanted any more. Filled by a thread of its own."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._wanted: set[int] = set()  # ids that were asked for, neither answered nor cancelled
        self._closed = False

    def fill(self) -> None:
        """Read until the client closes its end or says so; afterwards nothing is wanted, and the process ends."""
        for line in self._pipes.lines():
            try:
                if not self._accept(decode(line)):
                    break
            except InputError as error:
                self._pipes.send(_error(None, "input", str(error)))
        with self._changed:
            self._closed = True
            self._wanted.clear()
            self._changed.notify_all()
        time.sleep(LAST_SECONDS)
        os._exit(0)

    def _accept(self, message: Message) -> bool:
        """Take one message in; false if it ends the work."""
        method, number = message.get("method"), message.get("id")
        if method == "shutdown":
            return False
        if not isinstance(method, str) or isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError("A message has no method or no id; give both, the id as a whole number from 1.")
        with self._changed:
            if method != "cancel":
                self._wanted.add(number)
                self._waiting.append(message)
                self._changed.notify_all()
            elif number in self._wanted:
                self._cancel(number)
        return True

    def _cancel(self, number: int) -> None:
        self._wanted.remove(number)
        for message in self._waiting:
            if message["id"] == number:  # not begun; what is being worked on need not be waited for
                self._waiting.remove(message)
                self._pipes.send(_error(number, "cancelled", CANCELLED))
                return

    def next(self) -> Message | None:
        """The next request, waited for; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popleft()

    def require_wanted(self, number: int) -> None:
        """Raise :class:`Cancelled` where the client has cancelled request ``number``, or gone."""
        with self._changed:
            if number not in self._wanted:
                raise Cancelled

    def answered(self, number: int) -> None:
        """Request ``number`` is done with."""
        with self._changed:
            self._wanted.discard(number)


class Reporter:
    """A progress callback that passes on a few messages a second, and every one that is about something new."""

    def __init__(self, pipes: Pipes, inbox: Inbox, number: int) -> None:
        self._pipes, self._inbox, self._number = pipes, inbox, number
        self._last_time, self._last_text = -1.0, ""

    def __call__(self, fraction: float, message: str) -> None:
        self._inbox.require_wanted(self._number)
        now, text = time.monotonic(), re.sub(r"\d+", "", message)
        if text == self._last_text and now - self._last_time < REPORT_INTERVAL:
            return
        self._last_time, self._last_text = now, text
        self._pipes.send({"type": "progress", "id": self._number, "fraction": fraction, "message": message})


def serve(pipes: Pipes) -> None:
    """Greet, then work off requests until the client has no more."""
    pipes.send(_hello())
    inbox = Inbox(pipes)
    threading.Thread(target=inbox.fill, daemon=True).start()
    run, ready = _prepared(pipes, inbox)
    pipes.send(ready)
    with kept_heap():
        while (request := inbox.next()) is not None:
            answer, usable = _answer(request, run, inbox)
            inbox.answered(request["id"])
            pipes.send(answer)
            if not usable:
                return
            if request["method"] != NEXT_FOLLOWS:
                give_back()


def _hello() -> Message:
    """Before anything slow or fragile is imported: who this is, so that a wrong or hung engine can be dealt with."""
    return {
        "type": "hello",
        "protocol": PROTOCOL_VERSION,
        "version": __version__,
        "package": str(Path(__file__).resolve().parent),
        "pid": os.getpid(),
    }


Run = Callable[[Message], Message]


def _prepared(pipes: Pipes, inbox: Inbox) -> tuple[Run, Message]:
    """What runs a request, and the message that says what there is to run it on."""
    ready: Message = {"type": "ready", "python": platform.python_version(), "torch": "", "devices": [], "problem": ""}
    try:
        import torch

        from .tasks import TASKS, BundleCache, Context, LiveStreams

        found = {"torch": torch.__version__, "devices": _devices()}
    except Exception as error:  # half-installed, torch fails in many ways
        problem = f"The engine cannot start ({_one_line(str(error))}); open Check setup to install what is missing."
        return _refusal(problem), ready | {"problem": problem}
    bundles, streams, home = BundleCache(), LiveStreams(), Path.cwd()

    def run(request: Message) -> Message:
        method, number = request["method"], request["id"]
        if method not in TASKS:
            raise InputError(f"There is no method {method!r}; use one of {', '.join(TASKS)}.")
        context = Context(bundles, home / str(number), Reporter(pipes, inbox, number), streams)
        return TASKS[method](Parameters(request.get("parameters", {})), context).to_json()

    return run, ready | found


def _devices() -> list[dict[str, str]]:
    import torch

    devices = [{"name": "cpu", "label": "CPU"}]
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        devices += [{"name": f"cuda:{index}", "label": name} for index, name in enumerate(names)]
    if torch.backends.mps.is_available():
        devices.append({"name": "mps", "label": "Apple GPU"})
    return devices


def _refusal(problem: str) -> Run:
    def run(request: Message) -> Message:
        raise InputError(problem)

    return run


def _answer(request: Message, run: Run, inbox: Inbox) -> tuple[Message, bool]:
    """The answer to ``request``, and whether this process can be trusted with another."""
    number = request["id"]
    try:
        inbox.require_wanted(number)
        return {"type": "result", "id": number, "result": _with_notices(run, request)}, True
    except InputError as error:
        return _error(number, "input", str(error)), True
    except Cancelled:
        return _error(number, "cancelled", CANCELLED), True
    except Exception as error:
        log = traceback.format_exc()
        if _is_out_of_memory(error):
            return _error(number, "input", NO_MEMORY, log), True
        # After a fault every later call of the GPU fails too, in this process.
        return _error(number, "defect", DEFECT, log), "CUDA error" not in str(error)


def _with_notices(run: Run, request: Message) -> Message:
    """The result, and in its "notice", if it has one, what the core tells the user about the input."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", InputNotice)
        result = run(request)
    sentences = dict.fromkeys(_one_line(str(warning.message)) for warning in told)
    if sentences and isinstance(result.get("notice"), str):
        return result | {"notice": " ".join(filter(None, [result["notice"], *sentences]))}
    return result


def _is_out_of_memory(error: Exception) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    # The CPU's allocator raises a plain RuntimeError.
    return bool(kinds & {"MemoryError", "OutOfMemoryError"}) or "DefaultCPUAllocator" in str(error)


def _error(number: int | None, kind: str, message: str, log: str = "") -> Message:
    return {"type": "error", "id": number, "kind": kind, "message": _one_line(message), "log": log}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """Serve the client at the other end of standard input and output."""
    if hasattr(os, "setsid") and os.getpgid(0) != os.getpid():
        os.setsid()  # a process group of its own, to be ended with everything it started, whoever launched it
    serve(take_standard_streams())
    os._exit(0)  # neither torch's nor CUDA's tidying up is worth waiting for


if __name__ == "__main__":
    main()

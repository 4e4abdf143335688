"""The engine's protocol: one JSON object a line, over the standard input and output of ``python -m mmhvae.worker``.

The engine speaks first, and answers every request exactly once::

    {"type": "hello", "protocol": 1, "version": "0.1.0", "package": "/path/of/mmhvae", "pid": 4711}
    {"type": "ready", "python": "3.12.3", "torch": "2.8.0", "devices": [{"name": "cpu", "label": "CPU"}], "problem": ""}
    {"type": "progress", "id": 1, "fraction": 0.4, "message": "slice 12 of 40"}
    {"type": "result", "id": 1, "result": {...}}
    {"type": "error", "id": 1, "kind": "input" | "cancelled" | "defect", "message": "One sentence.", "log": "..."}

The client sends requests, which are worked off one after the other, and two words that take effect at once::

    {"id": 1, "method": "synthesize", "parameters": {...}}
    {"method": "cancel", "id": 1}
    {"method": "shutdown"}

Images travel as files. This file needs the standard library alone: the client reads it inside Slicer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from .exceptions import InputError

PROTOCOL_VERSION = 1
#: Bytes of one message; a request holds paths and numbers, never voxels.
LONGEST_LINE = 1 << 20

Message = dict[str, Any]


def encode(message: Mapping[str, Any]) -> bytes:
    """One line, ASCII throughout, so that no locale can damage it."""
    return json.dumps(message, allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message in ``line``.

    Raises:
        InputError: not a JSON object.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("A message is not JSON; send one object a line.") from error
    if not isinstance(message, dict):
        raise InputError("A message is not a JSON object; send one object a line.")
    return message


class Pipes:
    """The engine's end of the two pipes. Any thread may send."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send, or end the process where nobody listens any more: what it works for is gone."""
        line = encode(message)
        try:
            with self._lock:
                self._sink.write(line)
                self._sink.flush()
        except OSError:
            os._exit(1)

    def lines(self) -> Iterator[bytes]:
        """Lines as they arrive, each cut after ``LONGEST_LINE`` bytes, until the client closes its end."""
        while line := self._source.readline(LONGEST_LINE):
            yield line


def take_standard_streams() -> Pipes:
    """The pipes for the protocol alone: afterwards libraries print to standard error, and read nothing."""
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Pipes(os.fdopen(source, "rb"), os.fdopen(sink, "wb"))

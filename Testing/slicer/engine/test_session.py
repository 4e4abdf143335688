"""Lines from a process: whole, however they arrive."""

from __future__ import annotations

import sys

import pytest
from MMHVAESynthesisLib.engine.process import SubprocessProcess
from MMHVAESynthesisLib.engine.session import Session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


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

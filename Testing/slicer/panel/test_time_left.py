"""Estimates of the time that is left."""

from __future__ import annotations

import pytest
import rig

rig.require()

from MMHVAESynthesisLib.panel import time_left


@pytest.mark.parametrize(
    ("elapsed", "fraction", "text"),
    [
        (0.5, 0.5, ""),  # too early to tell
        (30.0, 0.01, ""),  # too little done to tell
        (10.0, 0.5, "10 s left"),
        (10.0, 1.0, "1 s left"),
        (60.0, 0.25, "3 min left"),
    ],
)
def test_text(monkeypatch, elapsed, fraction, text):
    now = [100.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    clock = time_left.TimeLeft()
    now[0] += elapsed
    assert clock.text(fraction) == text

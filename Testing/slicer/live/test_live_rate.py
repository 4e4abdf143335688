"""How fast the live view is, as it tells the user."""

from __future__ import annotations

import rig

rig.require()

import pytest
from MMHVAESynthesisLib.live.live_panel import speed_text
from MMHVAESynthesisLib.live.live_rate import LiveRate


def test_rate_and_delay_are_those_of_the_last_two_seconds():
    rate = LiveRate(0.0)
    rate.came = 40
    for index in range(28):
        rate.add_shown(index / 7, index / 7 + (0.4 if index < 7 else 0.14))
    assert rate.per_second(4.0) == pytest.approx(7, abs=0.6)
    assert rate.delay(4.0) == pytest.approx(0.14)
    assert speed_text(rate, 4.0) == "7 frames a second, 140 ms behind, 12 of 40 frames skipped"
    assert rate.delay(9.0) is None
    assert speed_text(rate, 9.0) == "Waiting for the engine..."

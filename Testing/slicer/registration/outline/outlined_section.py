"""A section that outlines, used as a surgeon uses it."""

from __future__ import annotations

import rig

from ..opened_panel import settled


def outlined(panel, section) -> str:
    """Click, and wait for the outline; what the section says then."""
    settled(panel)
    rig.click(section.button)
    rig.wait_until(lambda: not section._current.is_running, 60, "the outline")
    settled(panel)
    return section.work.label.text

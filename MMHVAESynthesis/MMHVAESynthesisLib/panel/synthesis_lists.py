"""The synthesis panel's lists: model, device, slice axis."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .setting_lists import Entries, SettingLists


class SynthesisLists(SettingLists):
    """See :class:`.SettingLists`."""

    def further(self) -> dict[str, tuple[Any, Entries]]:
        """The slice axis."""
        axes = [
            (_("as the model was trained"), ""),
            (_("first axis"), "0"),
            (_("second axis"), "1"),
            (_("third axis"), "2"),
            (_("all three, pooled"), "all"),
        ]
        return {"sliceAxis": (self.ui.sliceAxisSelector, axes)}

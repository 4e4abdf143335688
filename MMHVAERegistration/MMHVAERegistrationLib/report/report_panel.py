"""What stands in the section "Report": save the transform and a page for the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import qt
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.panel import ask_for_folder, button, enable, wrapped_label
from slicer.i18n import tr as _

from .record import PAGE, Subject, save_record


class ReportPanel:
    """Fills a frame.

    Args:
        frame: an empty widget.
        find_subject: gives what there is to report, told whether names are wanted; None where there is nothing.
        now: tells the time.
    """

    def __init__(
        self,
        frame: Any,
        find_subject: Callable[[bool], Subject | None],
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._find_subject, self._now = find_subject, now
        self._saved: Path | None = None
        self._build(frame)
        self.refresh()

    def close(self) -> None:
        """The panel is going."""

    def refresh(self) -> None:
        """Enable what can work."""
        nothing = "" if self._find_subject(False) is not None else _("There is no result yet: press Register first.")
        enable(
            self.save_button,
            nothing,
            _("Write a new folder: the transform (.tfm and .h5), and a page (HTML and PDF)."),
        )
        not_saved = "" if self._saved is not None else _("Nothing was saved yet.")
        enable(self.open_button, not_saved, _("Show the page that was saved last, in the browser."))

    def _build(self, frame: Any) -> None:
        column = frame.layout() or qt.QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 0)
        self.names_box = qt.QCheckBox(_("with the names of patient and images"))
        self.names_box.setToolTip(
            _("Off: nothing in the files names the patient. On: names as they are in 3D Slicer are printed.")
        )
        column.addWidget(self.names_box)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.save_button = button(_("Save for the record..."), self._save, row)
        self.open_button = button(_("Open"), self._open, row)
        self.label = wrapped_label()
        column.addWidget(self.label)

    def _save(self) -> None:
        subject = self._find_subject(self.names_box.checked)
        parent = ask_for_folder(slicer.util.mainWindow(), _("Save for the record in")) if subject is not None else None
        if subject is None or parent is None:
            return
        try:
            self._saved = save_record(subject, parent, self._now())
        except InputError as error:
            self.label.setText(str(error))
        else:
            self.label.setText(_("Saved in {folder}").format(folder=self._saved))
        self.refresh()

    def _open(self) -> None:
        if self._saved is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._saved / PAGE)))

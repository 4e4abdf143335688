"""Check setup: what is missing on this computer, in sentences, and buttons that repair it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import qt
import slicer
from mmhvae.bundle import WeightsStore
from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, Failure, QtProcess, Timer, python_command
from ..panel import ERROR, READY, WorkRow, ask_for_folder, ask_where_to_save, button, enable, wrapped_label
from .needed_packages import INSTALLED_BY_US, requirement
from .package_installer import PackageInstaller
from .package_run import PackageRun
from .setup_check import SetupCheck
from .wheel_list import WheelList, list_for_this_computer

#: Milliseconds between two looks at an installation.
POLL_INTERVAL = 100


def own_run() -> PackageRun:
    """An installation into Slicer's Python."""
    return PackageRun(python_command(), QtProcess)


class SetupPanel:
    """What stands in the section Setup; :attr:`widget` is to be put there. Nothing is looked at before :meth:`check`.

    Args:
        engine: tries things out; it is restarted after an installation.
        store: the models; by default the user's.
        new_run: makes what installs packages.
        wheels: the list for a closed network.
    """

    def __init__(
        self,
        engine: Engine,
        store: WeightsStore | None = None,
        new_run: Callable[[], PackageRun] = own_run,
        wheels: WheelList | None = None,
    ) -> None:
        self._engine, self._run = engine, new_run()
        self._installer = PackageInstaller(engine, self._told, self._failed)
        self._wheels = wheels or list_for_this_computer()
        self._check = SetupCheck(engine, store or WeightsStore(), self._refresh)
        self._timer = Timer(self._poll, POLL_INTERVAL, repeats=True)
        self.widget = qt.QWidget()
        self._build()
        self._refresh()

    def check(self) -> None:
        """Look at everything; what is found appears by and by."""
        self.work.finish("")
        self._check.start()

    def close(self) -> None:
        """The panel is going. An installation that cannot be stopped goes on to its end."""
        self._check.cancel()
        self._run.cancel()
        self._timer.stop()

    def _build(self) -> None:
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        self.label = wrapped_label()
        column.addWidget(self.label)
        self.check_button = button(_("Check this computer"), self.check, column)
        self.network_button = button(_("Install what is missing..."), self._install_missing, column)
        self.wheels_button = button(_("Install from a folder of wheels..."), self._install_wheels, column)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.list_button = button(_("What has to be in it..."), self._show_list, row)
        self.save_button = button(_("Save the list..."), self._save_list, row)
        self.work = WorkRow(self._run.cancel)
        column.addWidget(self.work.widget)

    def _refresh(self) -> None:
        lines = [f"{READY if finding.is_fine else ERROR} {finding.text}" for finding in self._check.findings]
        if self._check.is_running:
            lines.append(_("Looking..."))
        elif self._check.is_fine:
            lines.append(_("All is well."))
        elif not lines:
            lines.append(_("Nothing was looked at yet."))
        self.label.setText("\n".join(lines))
        self._enable()

    def _enable(self) -> None:
        is_busy = self._run.is_running or self._installer.is_running
        busy = _("Something is being installed; wait for it.") if is_busy else ""
        checking = _("Wait until all was looked at.") if self._check.is_running else ""
        self.check_button.setText(_("Check again") if self._check.findings else _("Check this computer"))
        enable(self.check_button, busy or checking, _("Look at everything that the engine needs, and try it out."))
        missing = self._check.repairs - {"weights"}
        nothing = "" if missing else _("Nothing was found that is missing.")
        what = _("Install from the network, after one question; this takes minutes.")
        enable(self.network_button, busy or checking or nothing, what)
        no_list = "" if self._wheels else _("There is no list of wheels for this system and its Python.")
        enable(self.wheels_button, busy or checking or no_list, _("For a computer without a network."))
        enable(self.list_button, no_list, _("Names and checksums of the wheels, and the command that fetches them."))
        enable(self.save_button, no_list, _("Write the list into a file, to be taken to a computer with a network."))

    def _install_missing(self) -> None:
        self._installer.ensure(lambda: self._ended(_("The packages were installed.")))

    def _told(self, fraction: float, message: str) -> None:
        self.work.progress(fraction, message, stoppable=False)

    def _install_wheels(self) -> None:
        folder = ask_for_folder(self.widget, _("The folder of wheels"))
        if folder is not None and self._wheels is not None:
            self._start([str(self._wheels.path), str(folder), *map(requirement, INSTALLED_BY_US)])

    def _start(self, arguments: Sequence[str]) -> None:
        self.work.progress(0.0, _("starting"))
        self._run.start(arguments, Callbacks(self._done, self._failed, self._progressed))
        if self._run.is_running:
            self._timer.start()
        self._enable()

    def _poll(self) -> None:
        self._run.poll()
        if not self._run.is_running:
            self._timer.stop()

    def _progressed(self, fraction: float, message: str) -> None:
        self.work.progress(fraction, message, self._run.is_stoppable)

    def _done(self, answer: object) -> None:
        self._engine.close(0)  # the next one finds what was installed
        self._ended(_("The packages were installed."))

    def _failed(self, failure: Failure) -> None:
        if failure.log:
            slicer.util.errorDisplay(failure.message, windowTitle=_("Setup"), detailedText=failure.log)
        self._ended(failure.message)

    def _ended(self, message: str) -> None:
        self._check.start()
        self.work.finish(message)

    def _show_list(self) -> None:
        if self._wheels is None:
            return
        text = _(
            "{count} files, {size:.1f} GB. Save the list, take it to a computer with a network and Python, and run "
            "there:\n\n{command}\n\nThen bring the folder wheels here."
        ).format(count=len(self._wheels.wheels), size=self._wheels.size / 1e9, command=self._wheels.command)
        files = "\n".join(f"{wheel.sha256}  {wheel.file}" for wheel in self._wheels.wheels)
        slicer.util.infoDisplay(text, windowTitle=_("Wheels for this computer"), detailedText=files)

    def _save_list(self) -> None:
        if self._wheels is None:
            return
        path = ask_where_to_save(self.widget, _("Save the list of wheels"), self._wheels.path.name)
        if path is None:
            return
        try:
            shutil.copyfile(self._wheels.path, path)
        except OSError as error:
            self.work.finish(_("{path} cannot be written: {error}.").format(path=path, error=error.strerror))
        else:
            self.work.finish(_("The list was saved as {path}.").format(path=path))

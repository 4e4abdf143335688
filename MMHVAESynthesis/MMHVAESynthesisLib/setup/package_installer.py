"""The way in on a fresh Slicer: what is missing and how large it is, one question, and then the work goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import qt
import slicer
from mmhvae import InputError
from slicer.i18n import tr as _

from ..engine import CANCELLED, Engine, Failure
from .environment import require_room
from .needed_packages import INSTALLED_BY_US, missing_packages
from .network_install import install_from_network, network_problem
from .pip_progress import PipProgress

#: What people call the packages.
TITLES = {"torch": "PyTorch", "safetensors": "safetensors"}
#: Bytes to download, and on the disk, at most: torch for NVIDIA's cards and without, and the rest.
WITH_GPU, WITHOUT_GPU, SMALL = (3_000_000_000, 7_000_000_000), (300_000_000, 1_200_000_000), (1_000_000, 3_000_000)


class PackageInstaller:
    """Installs what the engine lacks, after one question.

    Args:
        engine: is ended after an installation, so that its next start finds what was installed.
        on_progress: hears how far it is, as share and words, while :meth:`ensure` has not returned.
        on_failure: hears why the work does not go on: "cancelled" where the user said no, else "engine".
    """

    def __init__(
        self, engine: Engine, on_progress: Callable[[float, str], None], on_failure: Callable[[Failure], None]
    ) -> None:
        self._engine, self._on_progress, self._on_failure = engine, on_progress, on_failure
        #: Whether packages are being installed: Slicer handles the user's events meanwhile.
        self.is_running = False

    def problem(self) -> str:
        """What is missing, in a sentence for before inputs are asked for; "" where nothing is."""
        missing = missing_packages()
        if not missing:
            return ""
        text = _("{packages} must be installed first: press the button, and you will be asked once.")
        return network_problem(missing) or text.format(packages=named(missing))

    def ensure(self, go_on: Callable[[], None]) -> None:
        """Call ``go_on`` at once, or after what is missing was installed; where it is not, ``on_failure`` says why."""
        missing = missing_packages()
        if not missing:
            go_on()
        elif self.is_running:
            return
        elif problem := network_problem(missing):
            self._on_failure(Failure("engine", problem))
        elif not slicer.util.confirmOkCancelDisplay(question(missing), windowTitle=_("Install what is missing")):
            self._on_failure(Failure("cancelled", CANCELLED))
        elif self._installs(missing):
            go_on()

    def _installs(self, missing: list[str]) -> bool:
        self.is_running = True
        progress = PipProgress(sizes(missing)[0], self._tell)
        qt.QApplication.setOverrideCursor(qt.QCursor(qt.Qt.BusyCursor))
        try:
            require_room(sizes(missing)[1])
            for name in missing:
                progress.begin(_("Installing {package}").format(package=TITLES[name]))
                install_from_network(name, progress.line)
        except InputError as error:
            self._on_failure(Failure("engine", str(error), progress.log))
            return False
        finally:
            self.is_running = False
            qt.QApplication.restoreOverrideCursor()
        self._engine.close(0)
        return True

    def _tell(self, fraction: float, message: str) -> None:
        self._on_progress(fraction, message)
        slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)  # so that it is painted


def question(missing: list[str]) -> str:
    """What is to be installed, how large that is, and from where."""
    download, disk = sizes(missing)
    return _(
        "{packages} must be installed into this Slicer first: up to {download} to download, {disk} on the disk. They "
        "come from the Python package index; no image leaves this computer. It takes some minutes, in which Slicer "
        "hardly answers.\n\nInstall now, and go on?"
    ).format(packages=named(missing), download=size_text(download), disk=size_text(disk))


def named(packages: list[str]) -> str:
    """What people call them, in one row of words."""
    return _(" and ").join(TITLES[name] for name in INSTALLED_BY_US if name in packages)


def sizes(packages: list[str]) -> tuple[int, int]:
    """Bytes to download and on the disk, at most."""
    torch = WITH_GPU if shutil.which("nvidia-smi") else WITHOUT_GPU
    each = [torch if name == "torch" else SMALL for name in packages]
    return sum(download for download, _disk in each), sum(disk for _download, disk in each)


def size_text(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{max(size / 1e6, 1):.0f} MB"

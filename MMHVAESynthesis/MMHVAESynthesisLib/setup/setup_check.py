"""What keeps the engine from working on this computer: looked at without importing torch here, and then tried out."""

from __future__ import annotations

import importlib
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from mmhvae.bundle import InstalledBundle, WeightsStore
from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, Failure, Job
from .needed_packages import INSTALLED_BY_US, PART_OF_SLICER, is_new_enough, version_of

#: What can be done about a problem: install a package, or install a model; "" where nothing here can.
Repair = Literal["", "torch", "safetensors", "weights"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in a sentence, and what can be done about it."""

    is_fine: bool
    text: str
    repair: Repair = ""
    log: str = ""


def package_findings() -> Iterator[Finding]:
    """Presence and versions of the packages; torch and safetensors are looked up, never imported."""
    for name, oldest in INSTALLED_BY_US.items():
        yield _installed_package(name, oldest)
    for name, oldest in PART_OF_SLICER.items():
        yield _part_of_slicer(name, oldest)


def _installed_package(name: str, oldest: str) -> Finding:
    repair: Repair = "torch" if name == "torch" else "safetensors"
    version = version_of(name)
    if version is None:
        return Finding(False, _("{name} is not installed; install it below.").format(name=name), repair)
    return _judged(name, version, oldest, repair)


def _part_of_slicer(name: str, oldest: str) -> Finding:
    try:
        version = str(importlib.import_module(name).__version__)
    except (ImportError, AttributeError):
        return Finding(False, _("{name}, a part of Slicer, cannot be used; install Slicer again.").format(name=name))
    return _judged(name, version, oldest, "")


def _judged(name: str, version: str, oldest: str, repair: Repair) -> Finding:
    if is_new_enough(version, oldest):
        return Finding(True, _("{name} {version} is installed.").format(name=name, version=version))
    text = _("{name} {version} is installed, and {oldest} or newer is needed.")
    return Finding(False, text.format(name=name, version=version or "?", oldest=oldest), repair)


class SetupCheck:
    """Looks, then lets the engine try: a computation on every device, and the installed models.

    Args:
        engine: does the trying; it may be one that others use.
        store: the models.
        on_changed: called at every new finding, and at the end.
    """

    def __init__(self, engine: Engine, store: WeightsStore, on_changed: Callable[[], None]) -> None:
        self._engine, self._store, self._on_changed = engine, store, on_changed
        self._steps: deque[Callable[[], None]] = deque()
        self._job: Job | None = None
        self._is_stepping = False
        self.findings: list[Finding] = []

    @property
    def is_running(self) -> bool:
        """Whether there is more to come."""
        return bool(self._steps) or self._job is not None or self._is_stepping

    @property
    def is_fine(self) -> bool:
        """Whether all was looked at, and nothing is wrong."""
        return bool(self.findings) and not self.is_running and all(finding.is_fine for finding in self.findings)

    @property
    def repairs(self) -> set[Repair]:
        """What would help."""
        return {finding.repair for finding in self.findings if finding.repair}

    def start(self) -> None:
        """Begin anew; the answers come by and by."""
        self.cancel()
        self.findings = list(package_findings())
        if all(finding.is_fine for finding in self.findings):
            self._steps += [self._try_cpu, self._try_other_devices]
            self._steps += [partial(self._try_model, bundle) for bundle in self._store.installed()]
        else:
            self.findings.append(Finding(False, _("The engine was not tried, because of what is missing.")))
        self._go_on()

    def cancel(self) -> None:
        """Look no further."""
        job, self._job = self._job, None
        self._steps.clear()
        if job is not None:
            self._engine.cancel(job)

    def _try_cpu(self) -> None:
        self._try_device("cpu", _("The engine works on the CPU."))

    def _try_other_devices(self) -> None:
        readiness = self._engine.readiness
        if readiness is None:
            return  # it ended meanwhile, and that was told
        for name, label in readiness.devices[1:]:
            fine = _("The engine works on {device}.").format(device=label)
            self._steps.appendleft(partial(self._try_device, name, fine))
        if len(readiness.devices) == 1:
            self.findings.append(_without_gpu(readiness.torch))

    def _try_device(self, device: str, fine: str) -> None:
        self._ask("self_test", {"device": device}, "", lambda answer: fine)

    def _try_model(self, bundle: InstalledBundle) -> None:
        text = _("The {title} is complete, and its checksum is right.").format(title=bundle.title)
        self._ask("load", {"bundle": bundle.path, "device": "cpu"}, "weights", lambda answer: text)

    def _ask(
        self, method: str, parameters: dict[str, Any], repair: Repair, sentence: Callable[[dict[str, Any]], str]
    ) -> None:
        try:
            job = self._job = self._engine.job()
        except OSError as error:
            self.findings.append(Finding(False, _("There is no room for temporary files: {error}").format(error=error)))
            return

        def done(answer: dict[str, Any]) -> None:
            self._found(job, Finding(True, sentence(answer)))

        def failed(failure: Failure) -> None:
            if failure.kind == "engine":
                self._steps.clear()  # nothing else can be tried
            help_with: Repair = "torch" if failure.kind == "engine" else repair
            self._found(job, Finding(False, failure.message, help_with, failure.log))

        self._engine.submit(job, method, parameters, Callbacks(done, failed))

    def _found(self, job: Job, finding: Finding) -> None:
        if self._job is job:  # not cancelled
            self._job = None
            self.findings.append(finding)
            self._go_on()

    def _go_on(self) -> None:
        """Take steps until one has to wait for the engine, which may also answer while it is being asked."""
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._steps and self._job is None:
                self._steps.popleft()()
        finally:
            self._is_stepping = False
        self._on_changed()


def _without_gpu(torch_version: str) -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding(True, _("There is no graphics card that torch can use; the CPU does the work, more slowly."))
    text = _("There is an NVIDIA driver, but torch {version} cannot use its card; the CPU does the work, more slowly.")
    return Finding(True, text.format(version=torch_version))

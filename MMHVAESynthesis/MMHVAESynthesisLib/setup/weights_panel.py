"""The manager of models: what is installed, install from a file, download after the licence was shown, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import qt
import slicer
from mmhvae import InputError
from mmhvae.answers import WeightsAnswer
from mmhvae.bundle import Downloadable, InstalledBundle, WeightsStore, downloadables
from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, Failure, Job, SlicerEngine, ignore, python_command
from ..panel import WorkRow, ask_for_file, button, enable, wrapped_label


def own_engine() -> Engine:
    """An engine for one download, so that the warm one is free for work."""
    return SlicerEngine(python=python_command())


class WeightsPanel:
    """What stands in the section Weights; :attr:`widget` is to be put there.

    Args:
        store: the models.
        on_changed: called when models were installed or deleted.
        new_engine: makes the engine that installs; it is closed afterwards.
    """

    def __init__(
        self,
        store: WeightsStore,
        on_changed: Callable[[], None] = ignore,
        new_engine: Callable[[], Engine] = own_engine,
    ) -> None:
        self._store, self._on_changed, self._new_engine = store, on_changed, new_engine
        self._engine: Engine | None = None
        self._job: Job | None = None
        self._bundles: list[InstalledBundle] = []
        self._downloads: list[tuple[Downloadable, Any]] = []
        self.widget = qt.QWidget()
        self._build()
        self.refresh()

    def refresh(self) -> None:
        """Show what is installed now."""
        chosen = self._chosen.name if self._chosen else ""
        self._bundles = self._store.everything()
        self.list.clear()
        for bundle in self._bundles:
            self.list.addItem(bundle.label)
        names = [bundle.name for bundle in self._bundles]
        self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)
        self._enable()

    def close(self) -> None:
        """The panel is going: work in progress ends, and what was downloaded is kept for the next time."""
        engine, self._engine, self._job = self._engine, None, None
        if engine is not None:
            engine.close(0)

    def _build(self) -> None:
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        self.list = qt.QListWidget()
        self.list.setToolTip(_("The models that are installed."))
        self.list.setMaximumHeight(90)
        self.list.connect("currentRowChanged(int)", self._enable)
        column.addWidget(self.list)
        self.about_label = wrapped_label()
        column.addWidget(self.about_label)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.install_button = button(_("Install from file..."), self._install_from_file, row)
        self.delete_button = button(_("Delete..."), self._delete, row)
        for wanted in downloadables():
            text = _("Download {title}...").format(title=wanted.title)
            made = button(text, partial(self._download, wanted), column)
            self._downloads.append((wanted, made))
        self.work = WorkRow(self._cancel)
        column.addWidget(self.work.widget)

    @property
    def _chosen(self) -> InstalledBundle | None:
        row = self.list.currentRow
        return self._bundles[row] if 0 <= row < len(self._bundles) else None

    def _enable(self) -> None:
        chosen = self._chosen
        self.about_label.setText(_about(chosen) if chosen else "")
        busy = _("Something is being installed; wait for it, or cancel it.") if self._job is not None else ""
        enable(self.install_button, busy, _("Install a model from a .zip, .pth or bundle.json; no network is used."))
        shipped = _("The {title} belongs to the program; it cannot be deleted.")
        reason = shipped.format(title=chosen.title) if chosen is not None and chosen.is_shipped else ""
        reason = reason or (_("No model is chosen.") if chosen is None else "")
        enable(self.delete_button, busy or reason, _("Delete the model from this computer, after a question."))
        names = {bundle.name for bundle in self._bundles}
        for wanted, made in self._downloads:
            present = _("This model is installed.") if wanted.name in names else ""
            enable(made, busy or present, _("Fetch the model, after its licence was shown."))

    def _install_from_file(self) -> None:
        path = ask_for_file(self.widget, _("Install a model"), _("Models") + " (*.zip *.pth bundle.json)")
        if path is not None:
            self._work("install_weights", {"path": path.parent if path.name == "bundle.json" else path})

    def _download(self, wanted: Downloadable) -> None:
        text = _("{terms}\n\nLicence: {licence}\n{url}\n\nDownload it now?").format(
            terms=wanted.terms, licence=wanted.licence, url=wanted.licence_url
        )
        if slicer.util.confirmOkCancelDisplay(text, windowTitle=wanted.title):
            self._work("download_weights", {"name": wanted.name})

    def _delete(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        text = _("Delete the model {title} from this computer?").format(title=chosen.title)
        if not slicer.util.confirmYesNoDisplay(text, windowTitle=_("Delete a model")):
            return
        try:
            self._store.remove(chosen.name)
        except InputError as error:
            self.work.finish(str(error))
        else:
            self.work.finish(_("{title} was deleted.").format(title=chosen.title))
        self._changed()

    def _work(self, method: str, parameters: dict[str, Any]) -> None:
        engine = self._engine = self._new_engine()
        self.work.progress(0.0, _("starting"))
        try:
            job = self._job = engine.job()
        except OSError as error:
            self._end(_("There is no room for temporary files: {error}").format(error=error))
            return
        callbacks = Callbacks(self._installed, self._failed, self.work.progress)
        self._enable()
        engine.submit(job, method, {**parameters, "store": self._store.folder}, callbacks)

    def _cancel(self) -> None:
        if self._engine is not None and self._job is not None:
            self._engine.cancel(self._job)

    def _installed(self, answer: dict[str, Any]) -> None:
        self._end(_("{name} is installed.").format(name=Path(WeightsAnswer.from_json(answer).path).name))

    def _failed(self, failure: Failure) -> None:
        cancelled = _("Cancelled; what has arrived is kept, and the next download goes on from there.")
        self._end(cancelled if failure.kind == "cancelled" else failure.message)

    def _end(self, message: str) -> None:
        self.work.finish(message)
        self._job = None
        qt.QTimer.singleShot(0, self._close_idle_engine)  # not from within its own callback
        self._changed()

    def _close_idle_engine(self) -> None:
        if self._job is None:
            self.close()

    def _changed(self) -> None:
        self.refresh()
        self._on_changed()


def _about(bundle: InstalledBundle) -> str:
    manifest = bundle.manifest
    modalities = ", ".join(map(str, manifest.get("modalities", [])))
    spacing = manifest.get("spacing_mm", "?")
    millimetres = " x ".join(map(str, spacing if isinstance(spacing, list) else [spacing]))
    return _("It {does}: {images}. Licence: {licence}. {use}").format(
        does=bundle.kind.value, images=", ".join(filter(None, (modalities, f"{millimetres} mm"))),
        licence=manifest.get("licence", "?"), use=manifest.get("intended_use", ""),
    )  # fmt: skip

"""The folded section "Live view": what streams, what is made of it, where it is shown, and how fast that goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import qt
import slicer
from mmhvae import InputError
from mmhvae.bundle import WeightsStore
from mmhvae.images import MODALITIES, MR_MODALITIES
from mmhvae.settings import LiveSettings
from slicer.i18n import tr as _

from ..engine import Engine, Timer
from ..panel import ERROR, WARNING, enable, wrapped_label
from ..parameters import SynthesisParameters
from .live_frame import require_stream
from .live_rate import LiveRate
from .live_view import LiveRequest, LiveView

#: Milliseconds between two updates of the line.
INTERVAL = 500
TARGETS = MR_MODALITIES


class LivePanel:
    """What stands in the section Live view; :attr:`widget` is to be put there.

    Args:
        engine: does the work.
        parameters: gives the model, device, temperature and seed of the panel; None while there is no scene.
    """

    def __init__(self, engine: Engine, parameters: Callable[[], SynthesisParameters | None]) -> None:
        self._parameters = parameters
        self.view = LiveView(engine, self._ended)
        self._timer = Timer(self._tell, INTERVAL, repeats=True)
        self.widget = qt.QWidget()
        self._build()
        self._refresh()

    def close(self) -> None:
        """The panel is going: the live view ends."""
        self._timer.stop()
        self.view.stop()

    def _build(self) -> None:
        form = qt.QFormLayout(self.widget)
        form.setContentsMargins(0, 0, 0, 0)
        self.source_selector = slicer.qMRMLNodeComboBox()
        self.source_selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        for name in ("addEnabled", "removeEnabled", "renameEnabled"):
            setattr(self.source_selector, name, False)
        self.source_selector.noneEnabled = True
        self.source_selector.setMRMLScene(slicer.mrmlScene)
        self.source_selector.setToolTip(_("The 2-D ultrasound image that streams, or that a sequence replays."))
        self.source_selector.connect("currentNodeChanged(vtkMRMLNode*)", self._source_chosen)
        self.target_selector = _list([(MODALITIES[name].name, name) for name in TARGETS])
        self.target_selector.setToolTip(_("What is made of each frame."))
        self.view_selector = _list([(_("Red"), "Red"), (_("Yellow"), "Yellow"), (_("Green"), "Green"), (_("none"), "")])
        self.view_selector.setToolTip(_("The slice view that follows the frames while the live view is on."))
        self.keep_box = qt.QCheckBox(_("keep the last frame"))
        self.keep_box.setToolTip(_("When the live view stops, its image stays in the scene."))
        self.button = qt.QPushButton()
        self.button.connect("clicked()", self._toggle)
        self.label = wrapped_label()
        for text, control in (
            (_("Stream"), self.source_selector),
            (_("Show as"), self.target_selector),
            (_("In view"), self.view_selector),
        ):
            form.addRow(text, control)
        form.addRow(self.keep_box)
        form.addRow(self.button)
        form.addRow(self.label)

    def _source_chosen(self, node: Any) -> None:
        """Another stream: the live view of the one before is over."""
        if self.view.is_on:
            self._stop()
        self.label.setText("")
        self._refresh()

    def _toggle(self) -> None:
        if self.view.is_on:
            self._stop()
        else:
            self._start()
        self._refresh()

    def _start(self) -> None:
        parameters = self._parameters()
        if parameters is None:
            return
        self.label.setText("")
        try:
            self.view.start(self.source_selector.currentNode(), self._request(parameters))
        except InputError as error:
            self.label.setText(f"{WARNING} {error}")
        if self.view.is_on:
            self._timer.start()
            self._tell()

    def _request(self, parameters: SynthesisParameters) -> LiveRequest:
        target = self.target_selector.itemData(self.target_selector.currentIndex)
        return LiveRequest(
            bundle=WeightsStore().path(parameters.bundle),
            settings=LiveSettings(target, parameters.temperature, parameters.seed),
            view=self.view_selector.itemData(self.view_selector.currentIndex),
            device=parameters.device,
        )

    def _stop(self) -> None:
        self._timer.stop()
        self.view.stop(self.keep_box.checked)
        self.label.setText("")

    def _ended(self, message: str) -> None:
        """The live view went off by itself."""
        self._timer.stop()
        self.label.setText(f"{ERROR} {message}" if message else "")
        self._refresh()

    def _refresh(self) -> None:
        """Offer what can be done."""
        is_on = self.view.is_on
        self.button.setText(_("Stop live view") if is_on else _("Start live view"))
        what = _("Give the slice view back as it was.") if is_on else _("Synthesise each new frame, and show it.")
        enable(self.button, "" if is_on else self._problem(), what)
        for control in (self.target_selector, self.view_selector):
            control.setEnabled(not is_on)

    def _problem(self) -> str:
        """Why the live view cannot start; "" where it can."""
        source = self.source_selector.currentNode()
        if source is None:
            return _("Choose the 2-D image that streams.")
        try:
            require_stream(source)
        except InputError as error:
            return str(error)
        return ""

    def _tell(self) -> None:
        """Write how fast it goes, or what is in the way."""
        rate = self.view.rate
        if rate is not None:
            notice = self.view.notice
            self.label.setText(f"{WARNING} {notice}" if notice else speed_text(rate, time.monotonic()))


def speed_text(rate: LiveRate, now: float) -> str:
    """Frames a second, delay and skipped frames in words, or what is waited for."""
    delay = rate.delay(now)
    if delay is None:
        if rate.skipped:
            return _("Waiting for the engine...")
        return _("Waiting for the next frame...")
    return _("{rate:.0f} frames a second, {delay:.0f} ms behind, {skipped} of {came} frames skipped").format(
        rate=rate.per_second(now), delay=1000 * delay, skipped=rate.skipped, came=rate.came
    )


def _list(entries: list[tuple[str, str]]) -> Any:
    made = qt.QComboBox()
    for text, value in entries:
        made.addItem(text, value)
    return made

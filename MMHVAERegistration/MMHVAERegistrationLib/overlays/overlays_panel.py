"""What stands in the section "Overlays": load segmentations, show them, bring them onto the ultrasound's grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.engine import Callbacks, CurrentRun, Engine, Failure
from MMHVAESynthesisLib.nodes import InputWatch, require_known_place
from MMHVAESynthesisLib.panel import NiftiFormRow, WorkRow, ask_for_file, button, enable, wrapped_label
from MMHVAESynthesisLib.synthesis import STALE
from slicer.i18n import tr as _

from .overlay_inputs import mark_overlays, overlays, sources_of
from .overlay_loading import KINDS, load_overlay
from .overlay_nodes import Exported
from .overlay_run import OverlayRun

#: Share of its volume that a segment may gain or lose before it is told.
VOLUME_TOLERANCE = 0.02


class OverlaysPanel:
    """Fills a frame.

    Args:
        frame: an empty widget.
        find_mr: gives the pre-operative MR on which segmentations were drawn, or None.
        find_ultrasound: gives the ultrasound as a volume node, or None.
        engine: does the export.
        on_changed: hears that the scene was changed.
        is_before: tells whether everything is only shown as before just now, which makes nothing stale.
    """

    def __init__(
        self,
        frame: Any,
        find_mr: Callable[[], Any],
        find_ultrasound: Callable[[], Any],
        engine: Engine,
        on_changed: Callable[[], None],
        is_before: Callable[[], bool] = lambda: False,
    ) -> None:
        self._find_mr, self._find_ultrasound, self._on_changed = find_mr, find_ultrasound, on_changed
        self._engine, self._is_before = engine, is_before
        self._current = CurrentRun()
        self._build(frame)
        self._watch = InputWatch(_inputs, self._look)
        self.refresh()

    def close(self) -> None:
        """The panel is going; an export that is not done leaves nothing."""
        self._watch.close()
        self._current.cancel()
        self._form.show(None)

    def refresh(self) -> None:
        """Show what is, and enable what can work."""
        node = self.selector.currentNode()
        display = node.GetDisplayNode() if node is not None else None
        for box, is_on in ((self.slices_box, "GetVisibility2D"), (self.three_d_box, "GetVisibility3D")):
            box.setEnabled(display is not None)
            box.setChecked(display is not None and bool(display.GetVisibility()) and bool(getattr(display, is_on)()))
        busy = _("An export is running; wait for it, or cancel it.") if self._current.is_running else ""
        enable(self.load_button, busy, _("Load .seg.nrrd, a label map (NRRD, NIfTI), or DICOM SEG."))
        self.selector.setEnabled(not busy)
        self._form.show(node, busy)
        enable(
            self.export_button, busy or self._why_not(node),
            _("Make a label map on the exact grid of the ultrasound, as the overlay lies now. Nothing else is moved."),
        )  # fmt: skip
        self._tell_stale(node)

    def _tell_stale(self, node: Any) -> None:
        """Say which overlays no longer match, beside the button that makes them anew."""
        stale = [(overlay, overlay.GetAttribute(STALE)) for overlay in overlays() if overlay.GetAttribute(STALE)]
        text = _("Out of date: {overlay}. {reason}")
        self.stale_label.setText("\n".join(text.format(overlay=o.GetName(), reason=reason) for o, reason in stale))
        self.stale_label.setVisible(bool(stale))
        again = node is not None and any(sources_of(overlay)[0] is node for overlay, _reason in stale)
        again_text = _("Bring onto the ultrasound's grid again")
        self.export_button.setText(again_text if again else _("Bring onto the ultrasound's grid"))

    def _look(self) -> None:
        if not self._is_before():
            mark_overlays()
            self.refresh()

    def _why_not(self, node: Any) -> str:
        if node is None:
            return _("Choose or load a segmentation first.")
        if self._find_ultrasound() is None:
            return _("The ultrasound has no volume yet: choose one, or register its sweep.")
        try:
            require_known_place(node)
        except InputError as error:
            return str(error)
        return ""

    def _build(self, frame: Any) -> None:
        column = frame.layout() or qt.QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 0)
        self.load_button = button(_("Load a segmentation..."), self._load, column)
        self.selector = self._new_selector()
        column.addWidget(self.selector)
        self._form = NiftiFormRow.within(qt.QWidget(), self._moved)
        column.addWidget(self._form.widget)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.slices_box = self._new_box(_("in slices"), _("Outline and light fill over the slices."), row)
        self.three_d_box = self._new_box(_("in 3-D"), _("Surface in the 3-D views."), row)
        row.addStretch(1)
        self.export_button = button(_("Bring onto the ultrasound's grid"), self._export, column)
        self.stale_label = wrapped_label()
        column.addWidget(self.stale_label)
        self.work = WorkRow(self._cancel)
        column.addWidget(self.work.widget)

    def _new_selector(self) -> Any:
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = ["vtkMRMLSegmentationNode"]
        selector.noneEnabled = True
        selector.noneDisplay = _("no segmentation")
        selector.addEnabled = selector.removeEnabled = selector.renameEnabled = False
        selector.setMRMLScene(slicer.mrmlScene)
        selector.setToolTip(_("The segmentation that is shown and exported below."))
        selector.connect("currentNodeChanged(vtkMRMLNode*)", self._changed)
        return selector

    def _new_box(self, text: str, what_it_does: str, row: Any) -> Any:
        box = qt.QCheckBox(text)
        box.setToolTip(what_it_does)
        box.connect("clicked()", self._show)
        row.addWidget(box)
        return box

    def _changed(self, node: Any) -> None:
        if (
            not self._current.is_running and node is not None
        ):  # else what it says is still wanted: why an export has ended
            self.work.finish("")
        self.refresh()

    def _show(self) -> None:
        node = self.selector.currentNode()
        display = node.GetDisplayNode() if node is not None else None
        if display is not None:
            display.SetVisibility2D(self.slices_box.checked)
            display.SetVisibility3D(self.three_d_box.checked)
            display.SetVisibility(self.slices_box.checked or self.three_d_box.checked)

    def _moved(self) -> None:
        """An answer was given where the segmentation lies."""
        self._on_changed()
        self._look()

    def _load(self) -> None:
        path = ask_for_file(slicer.util.mainWindow(), _("Load a segmentation"), _("Segmentations") + f" ({KINDS})")
        if path is None:
            return
        try:
            nodes = load_overlay(path, self._find_mr())
        except InputError as error:
            self.work.finish(str(error))
            return
        self.selector.setCurrentNode(nodes[0])
        count = sum(node.GetSegmentation().GetNumberOfSegments() for node in nodes)
        self.work.finish(_("{file}: {count} segments.").format(file=path.name, count=count))
        self._on_changed()
        self.refresh()

    def _export(self) -> None:
        node, ultrasound = self.selector.currentNode(), self._find_ultrasound()
        self._current.start(
            lambda callbacks: OverlayRun(self._engine, node, ultrasound, callbacks),
            Callbacks(self._exported, self._failed, self.work.progress),
        )
        self.refresh()

    def _exported(self, exported: Exported) -> None:
        self._end("\n".join([_("{name} is in the scene.").format(name=_names(exported.nodes)), *told(exported)]))
        self._on_changed()

    def _failed(self, failure: Failure) -> None:
        self._end(_("Cancelled; the scene is as it was.") if failure.kind == "cancelled" else failure.message)

    def _cancel(self) -> None:
        self.work.cancel_button.setEnabled(False)
        self._current.cancel()

    def _end(self, message: str) -> None:
        self.work.finish(message)
        self.refresh()


def _inputs() -> list[Any]:
    """What the overlays of the scene were made of, and they themselves."""
    return [node for overlay in overlays() for node in (overlay, *sources_of(overlay)) if node is not None]


def _names(nodes: list[Any]) -> str:
    return ", ".join(node.GetName() for node in nodes)


def told(exported: Exported) -> list[str]:
    """A line about every segment that is not as it was on the grid, and why; else one that all is well."""
    lines = []
    for segment, label in exported.placed:
        if label.outside > 0:
            text = _("{name}: {percent:.0f} % of it lies outside the ultrasound.")
            lines.append(text.format(name=segment.name, percent=max(1.0, 100 * label.outside)))
        elif abs(label.on_grid_mm3 / label.volume_mm3 - 1) > VOLUME_TOLERANCE:
            text = _("{name}: {now:.0f} of {before:.0f} mm3, since the voxels are coarse beside it.")
            lines.append(text.format(name=segment.name, now=label.on_grid_mm3, before=label.volume_mm3))
        if not label.topology_kept:
            lines.append(_("{name} is finer than the grid: check its small parts.").format(name=segment.name))
    return lines or [_("All segments lie within it; volumes and holes are as they were.")]

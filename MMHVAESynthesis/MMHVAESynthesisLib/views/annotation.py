"""SYNTHETIC, drawn into every slice view that shows an image which was never measured, with the sides of the patient.

Slicer's own corner annotation is written anew by its DataProbe whenever the mouse moves, so these texts are actors of
their own. They stand above the corner's lines at the bottom, and at the middle of the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer
import vtk

from ..engine import Timer
from .annotation_words import (
    broken,
    edge_letters,
    lines_about,
    lines_about_unregistered,
    shown_volumes,
    synthetic_volumes,
)
from .computed_outlines import ComputedOutlines
from .display import take_out_orphan
from .uncertainty_legend import UncertaintyLegend
from .unregistered import UnregisteredOutlines
from .visible_views import SliceView, keep_up_with, slice_views

#: Qt's pixels from the lower edge, above the three lines of Slicer's corner annotation.
HEIGHT = 74
SMALLEST_FONT, LARGEST_FONT = 9, 16
#: Lines are broken rather than written smaller than this.
BREAKING_FONT = 13
#: Mean width of a letter, as a share of the font's size.
_LETTER = 0.56
#: IDs of volumes, and what is written where one of them is shown.
Note = tuple[frozenset[str], tuple[str, ...]]
_EDGES = {"left": (0.01, 0.5), "right": (0.99, 0.5), "top": (0.5, 0.99), "bottom": (0.5, 0.01)}


class SyntheticAnnotations:
    """The texts in all slice views, kept up to date until :meth:`close`.

    Args:
        find_views: gives the views of the present layout.
    """

    def __init__(self, find_views: Callable[[], Iterable[SliceView]] = slice_views) -> None:
        self._find_views = find_views
        self._views: dict[str, _ViewTexts] = {}
        self._note: Note = (frozenset(), ())
        self._unregistered = UnregisteredOutlines(self._outlines_changed, find_views)
        self._computed = ComputedOutlines(self._outlines_changed)
        self._later = Timer(self.refresh)
        self._observed = [
            (slicer.mrmlScene, slicer.mrmlScene.AddObserver(event, self._scene_changed))
            for event in (
                slicer.vtkMRMLScene.NodeAddedEvent,
                slicer.vtkMRMLScene.NodeRemovedEvent,
                slicer.vtkMRMLScene.EndImportEvent,
                slicer.vtkMRMLScene.EndCloseEvent,
            )
        ]
        layout = slicer.app.layoutManager()
        if layout is not None:
            layout.connect("layoutChanged(int)", self._layout_changed)
        self.refresh()

    def close(self) -> None:
        """Take the texts off, and stop watching."""
        self._later.stop()
        self._unregistered.close()
        self._computed.close()
        layout = slicer.app.layoutManager()
        if layout is not None and self._observed:
            layout.disconnect("layoutChanged(int)", self._layout_changed)
        for source, tag in self._observed:
            source.RemoveObserver(tag)
        self._observed.clear()
        for texts in self._views.values():
            texts.close()
        self._views.clear()

    def refresh(self) -> None:
        """Look for views that came or went, and bring the texts of all of them up to date."""
        keep_up_with(self._find_views(), self._views, _ViewTexts)
        for texts in self._views.values():
            texts.note = self._note
        self._unregistered.refresh()
        self._computed.refresh()
        self._outlines_changed()

    def _outlines_changed(self) -> None:
        names = [node.GetName() for node in self._unregistered.nodes]
        for texts in self._views.values():
            texts.about_outlines = [*lines_about_unregistered(names), *self._computed.lines]
            texts.update()

    def note(self, volumes: Iterable[Any], lines: Iterable[str]) -> None:
        """Write lines into each view that shows one of these volume nodes; they take the place of earlier ones."""
        note = frozenset(node.GetID() for node in volumes), tuple(lines)
        if note != self._note:
            self._note = note
            for texts in self._views.values():
                texts.note = note
                texts.update()

    def texts(self, name: str) -> list[str]:
        """What is written in a view: the line about synthetic images first, then the edges; empty where nothing is."""
        return self._views[name].shown if name in self._views else []

    def _scene_changed(self, caller: Any, event: Any) -> None:
        self._later.start()  # a new view gets its widget only after its node

    def _layout_changed(self, layout: int) -> None:
        self._later.start()


class _ViewTexts:
    """The texts in one view."""

    def __init__(self, view: SliceView) -> None:
        self.view = view
        self.shown: list[str] = []
        #: What is to be said of the outlines that are shown.
        self.about_outlines: list[str] = []
        self.note: Note = (frozenset(), ())
        self._line = _text_actor((0.5, 0.0), "centre")
        self._line.GetPositionCoordinate().SetCoordinateSystemToViewport()
        self._edges = {edge: _text_actor(place, edge) for edge, place in _EDGES.items()}
        self.legend = UncertaintyLegend(view)
        self._is_shown = False
        self._volumes: list[tuple[Any, int]] = []
        modified, resized = vtk.vtkCommand.ModifiedEvent, vtk.vtkCommand.WindowResizeEvent
        window = view.renderer.GetRenderWindow()
        self._tags = [
            (thing, thing.AddObserver(event, self._changed))
            for thing, event in ((view.slice_node, modified), (view.composite_node, modified), (window, resized))
        ]

    def close(self) -> None:
        for node, tag in [*self._tags, *self._volumes]:
            node.RemoveObserver(tag)
        self._tags, self._volumes = [], []
        self.legend.close()
        self._set_shown(False)

    def update(self) -> None:
        take_out_orphan(self.view.composite_node, self.view.slice_node)
        volumes = synthetic_volumes(self.view.composite_node)
        self._watch(volumes)
        lines = [*lines_about(volumes), *self.about_outlines, *self._noted()]
        shown = ["\n".join(lines), *edge_letters(self.view.slice_node).values()] if lines else []
        if shown:
            text = "\n".join(part for line in lines for part in broken(line, self._letters(BREAKING_FONT)))
            self._line.SetInput(text)
            self._line.GetTextProperty().SetFontSize(self._font_size(text))
            self._line.SetPosition(self.view.renderer.GetSize()[0] / 2, HEIGHT * self.view.scale())
            for edge, letters in edge_letters(self.view.slice_node).items():
                self._edges[edge].SetInput(letters)
                self._edges[edge].GetTextProperty().SetFontSize(self.view.points(LARGEST_FONT))
        changed = self.legend.show(volumes) or shown != self.shown
        self.shown = shown
        if self._set_shown(bool(shown)) or changed:
            self.view.render()

    def _noted(self) -> tuple[str, ...]:
        volumes, lines = self.note
        return lines if any(node.GetID() in volumes for node in shown_volumes(self.view.composite_node)) else ()

    def _changed(self, caller: Any, event: Any) -> None:
        self.update()

    def _watch(self, volumes: list[Any]) -> None:
        """Hear of a mark that is set or taken off."""
        if [node for node, _tag in self._volumes] != volumes:
            for node, tag in self._volumes:
                node.RemoveObserver(tag)
            self._volumes = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._changed)) for node in volumes]

    def _font_size(self, text: str) -> int:
        longest = max(len(line) for line in text.splitlines())
        sizes = range(LARGEST_FONT, SMALLEST_FONT, -1)
        return self.view.points(next((size for size in sizes if self._letters(size) >= longest), SMALLEST_FONT))

    def _letters(self, font: int) -> int:
        """How many letters of a font, in Qt's pixels, are as wide as the view."""
        return int(0.95 * self.view.renderer.GetSize()[0] / self.view.scale() / (_LETTER * font))

    def _set_shown(self, is_shown: bool) -> bool:
        """Put the actors into the view or take them out; whether that changed anything."""
        if is_shown == self._is_shown:
            return False
        self._is_shown = is_shown
        for actor in (self._line, *self._edges.values()):
            if is_shown:
                self.view.renderer.AddViewProp(actor)
            else:
                self.view.renderer.RemoveViewProp(actor)
        return True


def _text_actor(place: tuple[float, float], edge: str) -> Any:
    actor = vtk.vtkTextActor()
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*place)
    style = actor.GetTextProperty()
    style.SetJustification({"left": 0, "right": 2}.get(edge, 1))
    style.SetVerticalJustification({"top": 2, "bottom": 0, "centre": 0}.get(edge, 1))
    style.SetFontSize(LARGEST_FONT)
    style.SetBold(True)
    style.SetColor(1.0, 0.85, 0.2)
    style.SetBackgroundColor(0.0, 0.0, 0.0)
    style.SetBackgroundOpacity(0.6)
    return actor


_shared: SyntheticAnnotations | None = None


def annotate_slice_views() -> SyntheticAnnotations:
    """The texts of this application, made when first asked for; they stay for as long as it runs."""
    global _shared
    if _shared is None:
        _shared = SyntheticAnnotations()
        slicer.app.connect("aboutToQuit()", stop_annotating)  # the views go before the scene does
    return _shared


def note_in_views(volumes: Iterable[Any], lines: Iterable[str]) -> None:
    """See :meth:`SyntheticAnnotations.note`; where the texts were taken off, as when the application quits, nothing."""
    if _shared is not None:
        _shared.note(volumes, lines)


def stop_annotating() -> None:
    """Take the texts of this application off; the next :func:`annotate_slice_views` puts them back."""
    global _shared
    annotations, _shared = _shared, None
    if annotations is not None:
        slicer.app.disconnect("aboutToQuit()", stop_annotating)
        annotations.close()

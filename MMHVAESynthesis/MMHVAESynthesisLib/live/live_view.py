"""The live view: frames of a stream, synthesised one at a time and shown where they were taken.

At most one frame is with the engine. The newest that came meanwhile waits for it, in place of any that waited before:
frames are dropped, never queued. A frame and its place are taken together once the events of its arrival are over,
since a tracked stream sets its image and its transforms one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from mmhvae.answers import LiveAnswer
from mmhvae.protocol import Message
from mmhvae.settings import LiveSettings
from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, Failure, Job, Timer, ignore
from ..nodes import remove_shown
from ..views import FollowedView
from .live_frame import LiveFrame, require_stream, take_frame
from .live_node import fill, keep, new_live_node
from .live_rate import LiveRate

#: Seconds without a new frame after which a picture counts as still: when its transform moves, it is taken again.
STILL = 2.0
FRAME_FILE = "frame.npy"


@dataclass(frozen=True)
class LiveRequest:
    """What is made of the frames, by which installed bundle; ``view`` is the name of the slice view, or ""."""

    bundle: Path
    settings: LiveSettings = field(default_factory=LiveSettings)
    view: str = "Red"
    device: str = "auto"


class LiveView:
    """Synthesis of what a node shows, for as long as it streams.

    Args:
        engine: does the work; other jobs come in between.
        on_end: called when the live view goes off by itself, with a sentence that says why, possibly empty.
    """

    def __init__(self, engine: Engine, on_end: Callable[[str], None] = ignore) -> None:
        self._engine, self._on_end = engine, on_end
        self._stream: LiveStream | None = None
        self._count = 0

    @property
    def is_on(self) -> bool:
        """Whether frames are being synthesised."""
        return self._stream is not None

    @property
    def node(self) -> Any:
        """The node with the synthetic frame; None before there is one."""
        return self._stream.node if self._stream is not None else None

    @property
    def rate(self) -> LiveRate | None:
        """Frames a second, delay and counts; None while the live view is off."""
        return self._stream.rate if self._stream is not None else None

    @property
    def notice(self) -> str:
        """Why the last frame could not be used; "" where it could."""
        return self._stream.notice if self._stream is not None else ""

    def start(self, source: Any, request: LiveRequest) -> None:
        """Begin, with the frame that is there; a live view that is on ends first.

        Raises:
            InputError: the node gives no frames.
        """
        self.stop()
        require_stream(source)
        self._count += 1  # a name of its own for each stream: nothing is remembered of the one before
        self._stream = LiveStream(self._engine, source, request, str(self._count), self._ended)
        self._stream.open()

    def stop(self, keeps_node: bool = False) -> None:
        """End, and give back the slice view as it was; the node goes, unless it is to be kept."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(keeps_node)

    def _ended(self, message: str) -> None:
        self.stop()
        self._on_end(message)


class LiveStream:
    """One time that the live view is on."""

    def __init__(
        self, engine: Engine, source: Any, request: LiveRequest, name: str, end: Callable[[str], None]
    ) -> None:
        self._engine, self._source, self._request, self._end = engine, source, request, end
        self._parameters = {
            "bundle": request.bundle,
            "stream": name,
            "device": request.device,
            **request.settings.to_json(),
        }
        self.node: Any = None
        self.notice = ""
        self.rate = LiveRate(time.monotonic())
        self._view: FollowedView | None = None
        self._came_at = time.monotonic()
        self._waiting: LiveFrame | None = None
        self._job: Job | None = None
        self._observed: list[tuple[Any, int]] = []
        self._soon = Timer(self._take)

    def open(self) -> None:
        """Hear of frames, and take the one that is there."""
        scene, source = slicer.mrmlScene, self._source
        for node, event, heard in (
            (source, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self._frame_came),
            (source, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._moved),
            (scene, slicer.vtkMRMLScene.StartCloseEvent, self._scene_closes),
            (scene, slicer.vtkMRMLScene.NodeRemovedEvent, self._node_removed),
        ):
            self._observed.append((node, node.AddObserver(event, heard)))
        self._frame_came()

    def close(self, keeps_node: bool) -> None:
        """Hear no more; what the engine is still working on is not looked at."""
        self._soon.stop()
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed, self._waiting, self._job = [], None, None
        if self._view is not None:
            self._view.restore()
        if self.node is not None and slicer.mrmlScene.IsNodePresent(self.node):
            if keeps_node:
                keep(self.node)
            else:
                remove_shown(self.node)

    def _frame_came(self, *event: Any) -> None:
        self._came_at = time.monotonic()
        self._soon.start()  # anew: an image is often announced more than once

    def _moved(self, *event: Any) -> None:
        """A stream's next frame brings its own place; a still picture has to be put there."""
        if time.monotonic() - self._came_at > STILL:
            self._frame_came()

    def _take(self) -> None:
        self.rate.came += 1
        try:
            frame = take_frame(self._source, self._came_at)
        except InputError as error:  # the tracker may have lost the probe for a moment
            self.notice = str(error)
            return
        if frame is not None:
            self._waiting = frame
            self._send()

    def _send(self) -> None:
        """Give the engine the frame that waits, if it is free."""
        frame = self._waiting
        if self._job is not None or frame is None:
            return
        self._waiting = None
        try:
            job = self._engine.job()
            np.save(job.folder / FRAME_FILE, frame.pixels)
        except OSError as error:
            self._end(_("Live view is off: a frame cannot be written ({error}).").format(error=error))
            return
        self._job = job
        width, height = frame.pixel_size
        parameters = {"frame": job.folder / FRAME_FILE, "pixel_width": width, "pixel_height": height}
        callbacks = Callbacks(lambda answer: self._done(job, frame, answer), lambda failure: self._failed(job, failure))
        self._engine.submit(job, "live_frame", self._parameters | parameters, callbacks)

    def _done(self, job: Job, frame: LiveFrame, answer: Message) -> None:
        if job is not self._job:
            return  # the live view was ended meanwhile
        self._job = None
        try:
            self._show(np.load(LiveAnswer.from_json(answer).image), frame)
        except (OSError, ValueError) as error:
            self._end(_("Live view is off: a result cannot be read ({error}).").format(error=error))
            return
        self._send()

    def _show(self, image: Any, frame: LiveFrame) -> None:
        if self.node is None:
            self.node = new_live_node(self._request.settings.target)
            self._view = FollowedView(self._request.view, self.node)
        fill(self.node, image, frame.place)
        if self._view is not None:
            self._view.follow(frame.place, image.shape)
        self.notice = ""
        self.rate.add_shown(frame.taken, time.monotonic())

    def _failed(self, job: Job, failure: Failure) -> None:
        if job is not self._job:
            return
        self._job = None
        if failure.kind == "input":  # of this frame; the next may be a better one
            self.notice = failure.message
            self._send()
        else:
            self._end("" if failure.kind == "cancelled" else _("Live view is off. ") + failure.message)

    def _node_removed(self, *event: Any) -> None:
        present = slicer.mrmlScene.IsNodePresent
        if not present(self._source):
            self._end(_("Live view is off: the image that it showed was removed."))
        elif self.node is not None and not present(self.node):
            self._end(_("Live view is off: its image was removed."))

    def _scene_closes(self, *event: Any) -> None:
        self._end("")

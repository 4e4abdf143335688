"""What the engine does for the live view: one frame a request, as files of numpy arrays, with the model kept warm.

The client asks for the next frame only when it has the last one, so frames are dropped there and never queue here.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..answers import LiveAnswer
from ..exceptions import InputError
from ..settings import LiveSettings
from ..synthesis import LiveSynthesis
from .context import Context
from .parameters import Parameters


def run_live_frame(parameters: Parameters, context: Context) -> LiveAnswer:
    """The synthetic frame of one frame; ``stream`` tells one source from another, and a restart from what was."""
    started = time.monotonic()
    bundle_path, frame_path = parameters.required_path("bundle"), parameters.required_path("frame")
    device, stream = parameters.text("device", "auto"), parameters.text("stream", "")
    settings = parameters.settings(LiveSettings)
    pixel_size = (parameters.number("pixel_width", 0.0), parameters.number("pixel_height", 0.0))
    parameters.finish()
    bundle, warm = context.bundles.load(bundle_path)
    key = (id(bundle), settings, device, stream)
    live = context.streams.stream(
        key, lambda: LiveSynthesis(bundle, settings.target, device, settings.temperature, settings.seed)
    )
    image = live.synthesize(_read(frame_path), pixel_size)
    path = _written(image, context.folder)
    return LiveAnswer(path, str(live.device), warm, milliseconds=1000 * (time.monotonic() - started))


def _read(path: Path) -> NDArray[np.generic]:
    try:
        array: NDArray[np.generic] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"The frame {path.name} cannot be read; free some space on the disk, and try again."
        ) from error
    return array


def _written(image: NDArray[np.float32], folder: Path) -> str:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "synthetic.npy"
    try:
        np.save(path, image)
    except OSError as error:
        raise InputError(f"The result does not fit into {folder.parent}; free some space on that disk.") from error
    return str(path)

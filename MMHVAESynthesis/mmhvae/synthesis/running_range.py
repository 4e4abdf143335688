"""The grey values of a stream that become the darkest and the brightest that a model sees."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ..images import CLIPPED_PERCENTILE, InputRange

#: Frames that are remembered: some seconds of a stream.
MEMORY = 64
#: Share of a frame's pixels, the brightest ones, that is remembered: several times those that are clipped.
KEPT_SHARE = 0.01
#: A frame whose darkest and brightest pixel are nearer than this share of the latter shows nothing: resampling rounds.
SMALLEST_CONTRAST = 1e-3


class RunningRange:
    """:func:`mmhvae.images.input_range` of the last ``MEMORY`` frames taken together.

    A frame alone would change the contrast each time that something bright comes into view, and the picture would
    flicker. Pooled, the range is that of a volume or a sweep, which models were trained on; it follows the scanner's
    gain within seconds.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[float, NDArray[np.float32], int]] = deque(maxlen=MEMORY)  # darkest, brightest, count

    def add(self, values: NDArray[np.float32]) -> None:
        """Take in the foreground (N,) of one more frame, unless it shows nothing."""
        shown = values[values > 0]
        if shown.size and shown.max() - shown.min() > SMALLEST_CONTRAST * shown.max():
            count = max(1, int(KEPT_SHARE * shown.size))
            self._frames.append((float(shown.min()), np.partition(shown, -count)[-count:], shown.size))

    @property
    def range(self) -> InputRange | None:
        """The range; None before any frame has shown something."""
        if not self._frames:
            return None
        brightest = np.sort(np.concatenate([values for _, values, _ in self._frames]))
        clipped = (1 - CLIPPED_PERCENTILE / 100) * (sum(count for _, _, count in self._frames) - 1)
        place = brightest.size - 1 - clipped  # np.percentile's, counted from the brightest
        maximum = float(np.interp(place, np.arange(brightest.size), brightest))
        minimum = min(darkest for darkest, _, _ in self._frames)
        return InputRange(minimum, maximum) if maximum > minimum else None

"""Exchange of the hemispheres: the anatomy mirrored about the template's midline plane x = 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Share of subjects that are mirrored.
_MIRRORED = 0.5


def draw_flip(rng: np.random.Generator) -> bool:
    """Whether a subject's left hemisphere is made of the template's right one, and the other way round."""
    return bool(rng.random() < _MIRRORED)


def mirror(flip: bool) -> npt.NDArray[np.float64]:
    """The matrix (3, 3) that mirrors LPS points about the plane x = 0, or leaves them."""
    return np.diag([-1.0 if flip else 1.0, 1.0, 1.0])

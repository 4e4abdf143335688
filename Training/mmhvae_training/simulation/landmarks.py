"""Anatomical corners of a simulated case, for the target registration error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from .geometry import Array
from .simulated_case import SimulatedCase
from .tissues import Label

#: Scale (mm) of the gradients and of the window over which their structure is gathered.
_GRADIENT_SCALE, _WINDOW_SCALE = 1.2, 2.5
#: Least distance (mm) between landmarks and from the border of the field of view.
_SEPARATION, _BORDER = 5.0, 3.0


def landmarks(case: SimulatedCase, count: int, seed: int) -> npt.NDArray[np.float64]:
    """Up to ``count`` corners of the T2 inside field of view and brain, (N, 3) LPS mm.

    Drawn with ``seed`` among the strongest maxima of det(S) / trace(S), where S is the gradient structure tensor
    (Förstner and Gülch 1987).
    """
    spacing = case.t2.GetSpacing()[0]
    corner = _cornerness(sitk.GetArrayViewFromImage(case.t2), spacing)
    eligible = sitk.GetArrayViewFromImage(case.field_of_view) > 0
    eligible = np.pad(eligible, 1)  # the volume's own border is a border too
    eligible = ndimage.distance_transform_edt(eligible)[1:-1, 1:-1, 1:-1] * spacing > _BORDER
    eligible &= sitk.GetArrayViewFromImage(case.labels) != Label.OUTSIDE
    window = 2 * int(np.ceil(_SEPARATION / spacing / 2)) + 1
    eligible &= corner == ndimage.maximum_filter(corner, window)
    zyx = np.argwhere(eligible)
    strongest = zyx[np.argsort(corner[eligible])[::-1][: 3 * count]]
    chosen = np.random.default_rng(seed).permutation(len(strongest))[:count]
    axes = np.asarray(case.t2.GetDirection()).reshape(3, 3) * spacing
    return np.asarray(strongest[chosen][:, ::-1] @ axes.T + case.t2.GetOrigin(), np.float64)


def _cornerness(volume: npt.NDArray[np.generic], spacing: float) -> Array:
    """det / trace of the gradient structure tensor of ``volume``."""
    sigma = _GRADIENT_SCALE / spacing
    smooth = ndimage.gaussian_filter(np.asarray(volume, np.float32), sigma, truncate=3)
    gradients = np.gradient(smooth / (smooth.max() + np.float32(1e-6)))
    window = _WINDOW_SCALE / spacing
    a, b, c, d, e, f = (
        ndimage.gaussian_filter(gradients[i] * gradients[j], window, truncate=2)
        for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    )
    determinant = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    return np.asarray(determinant / (a + b + c + 1e-12), np.float32)

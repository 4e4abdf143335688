"""Phantoms of PET/CT: a body with lungs in HU, uptake in SUV, a lesion in some."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

SIZE = (14, 20, 24)  # k, j, i
SPACING = (4.0, 4.0, 5.0)
CENTRE = np.array([7, 10, 12])
SUV_BODY, SUV_LESION, HU_BODY, HU_LUNG, HU_AIR = 1.0, 8.0, 40, -800, -1000


def _away(size, centre):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), -1)
    return np.linalg.norm((index - centre) * SPACING[::-1], axis=-1)


def image(array, spacing=SPACING, origin=(10.0, -20.0, 30.0)):
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    return made


class Phantom:
    """``ct`` (HU), ``pet`` (SUV) and ``labels`` on one grid."""

    def __init__(self, lesion: bool = True) -> None:
        ball = _away(SIZE, CENTRE)
        inside = ball < 30
        self.lesion = (_away(SIZE, CENTRE - (2, 2, 2)) < 9) & lesion
        hounsfield = np.where(inside, np.where(ball < 10, HU_LUNG, HU_BODY), HU_AIR)
        uptake = np.where(self.lesion, SUV_LESION, np.where(inside, SUV_BODY, 0))
        self.ct = image(hounsfield.astype(np.int16))
        self.pet = image(uptake.astype(np.float32))
        self.labels = image(self.lesion.astype(np.uint8))


@pytest.fixture(scope="session")
def phantom():
    """``phantom(lesion)``."""
    return Phantom

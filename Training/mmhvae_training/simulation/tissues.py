"""Every tissue's properties in one table: what ultrasound and MR see of it. Rows are the channels of ``shares``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .geometry import Array


class Label(IntEnum):
    """Values of label images. A voxel carries the label of its most abundant tissue."""

    OUTSIDE = 0  # of the brain
    CSF = 1  # in sulci and cisterns, surface vessels included
    GREY_MATTER = 2  # cortex and deep nuclei
    WHITE_MATTER = 3
    OEDEMA = 4
    TUMOUR_CORE = 5  # necrosis included
    ENHANCING_RIM = 6
    VENTRICLE = 7  # choroid plexus included
    FALX = 8
    CYST = 9  # fluid of cystic tumours, cysts and cavities


@dataclass(frozen=True)
class Tissue:
    """What one tissue is like.

    ``echo`` (scattering amplitude), ``impedance`` (acoustic, by whose steps boundaries reflect) and ``attenuation`` are
    relative to white matter; ``t2``, ``cet1`` and ``flair`` are mean signals relative to the brightest tissue. All are
    what the values of a case are drawn about. ``lesion``: its MR signal varies most.
    """

    label: Label
    echo: float
    impedance: float
    attenuation: float
    t2: float
    cet1: float
    flair: float
    lesion: bool = False


#: Solid gliomas are two to three times as echogenic as the brain about them, necrosis and cysts are dark.
TISSUE: Mapping[str, Tissue] = {
    #                                      echo  imp.  att.  T2    ceT1  FLAIR
    "white": Tissue(Label.WHITE_MATTER, 1.0, 1.0, 1.0, 0.36, 0.62, 0.46),
    "grey": Tissue(Label.GREY_MATTER, 0.62, 0.93, 0.85, 0.53, 0.49, 0.56),
    "deep": Tissue(Label.GREY_MATTER, 0.75, 0.96, 0.95, 0.43, 0.55, 0.53),
    "sulcal": Tissue(Label.CSF, 1.2, 0.55, 0.5, 0.92, 0.22, 0.3),
    "ventricle": Tissue(Label.VENTRICLE, 0.06, 0.5, 0.05, 1.0, 0.16, 0.13),
    "falx": Tissue(Label.FALX, 4.0, 1.8, 3.0, 0.2, 0.7, 0.4),
    "vessel": Tissue(Label.CSF, 2.5, 0.7, 0.4, 0.15, 1.0, 0.25),
    "choroid": Tissue(Label.VENTRICLE, 4.0, 1.1, 1.5, 0.75, 0.9, 0.5),
    "core": Tissue(Label.TUMOUR_CORE, 2.6, 1.05, 1.2, 0.75, 0.44, 0.78, lesion=True),
    "necrosis": Tissue(Label.TUMOUR_CORE, 0.35, 0.7, 0.6, 0.92, 0.28, 0.4, lesion=True),
    "rim": Tissue(Label.ENHANCING_RIM, 3.4, 1.15, 1.5, 0.6, 1.0, 0.75, lesion=True),
    "oedema": Tissue(Label.OEDEMA, 1.7, 0.95, 0.8, 0.74, 0.47, 0.85, lesion=True),
    "cyst": Tissue(Label.CYST, 0.1, 0.5, 0.05, 0.98, 0.2, 0.22, lesion=True),
}
#: Names in the order of the channels of ``Anatomy.shares``.
TISSUES = tuple(TISSUE)


def values(quality: str) -> dict[str, float]:
    """One column of the table, by name of tissue: ``echo``, ``impedance``, ``attenuation``, ``t2``, ..."""
    return {name: float(getattr(tissue, quality)) for name, tissue in TISSUE.items()}


def weighted(values: Mapping[str, float], shares: Array) -> Array:
    """The mean of ``values`` over the shares (C, ...) of a sample's tissues."""
    return np.tensordot(np.array([values[name] for name in TISSUES], np.float32), shares, 1).astype(np.float32)


def share_of(shares: Array, *names: str) -> Array:
    """The tissues ``names`` together: (...) of shares (C, ...)."""
    return np.asarray(shares[[TISSUES.index(name) for name in names]].sum(0), np.float32)


def label_map(shares: Array) -> npt.NDArray[np.uint8]:
    """The most abundant tissue's :class:`Label` of shares (C, ...); OUTSIDE where brain is less than half."""
    best, total = np.zeros(shares.shape[1:], np.float32), shares.sum(0)
    labels = np.zeros(best.shape, np.uint8)
    for label in Label:
        names = [name for name, tissue in TISSUE.items() if tissue.label == label]
        if names:
            share = share_of(shares, *names)
            labels[share > best] = label
            np.maximum(best, share, out=best)
    labels[total < 0.5] = Label.OUTSIDE
    return labels

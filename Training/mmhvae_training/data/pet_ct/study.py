"""One examination of a patient: how to read its images and its labels, and which of a data set serve for judging."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

Read = Callable[[], sitk.Image]
ATTENUATION_CORRECTED = ("pet", "ac")
"""PET whose values mean uptake: "pet" beside CT alone, "ac" beside "nac", which is not corrected for attenuation."""


@dataclass(frozen=True)
class Study:
    """Images by modality, CT in HU and PET in SUV, each on a grid of its own; any may raise an InputError when read.

    Attributes:
        patient: to whom it belongs; a patient may have several studies.
        labels: non-zero in lesions; None where there are no labels.
    """

    name: str
    patient: str
    images: Mapping[str, Read]
    labels: Read | None = None


def shared_out(studies: Sequence[tuple[str, str]], share: float, seed: int) -> dict[str, list[str]]:
    """Names for ``train`` and ``judge``; all studies of a patient are in one of them.

    Args:
        studies: (name, patient).
        share: of the patients, for judging.
    """
    patients = sorted({patient for _, patient in studies})
    chosen = np.random.default_rng(seed).permutation(len(patients))[: round(share * len(patients))]
    judging = {patients[number] for number in chosen}
    return {
        "train": [name for name, patient in studies if patient not in judging],
        "judge": [name for name, patient in studies if patient in judging],
    }

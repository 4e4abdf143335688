"""Transfer from each modality to all: the paper's Tables 1, 2, 8 and 9 (MR), 4 and 6 (PET/CT)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from ...personalised import PatientVolume, Subset

Protocol = Literal["whole", "brain", "released"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
EXPLAINED = {
    "whole": "all voxels of the box around the patient, background included",
    "brain": "voxels of the patient alone; SSIM by its map's mean there",
    "released": "as the authors' code: outputs z-scored anew, all modalities together (here: to the truth's mean and "
    "deviation in the box), and background pasted from the truth, which flatters them",
}
Predict = Callable[[Tensor, Subset], Tensor]
"""(1, M, D, H, W) and what of it is shown -> (1, outputs, D, H, W)."""
SSIM_WINDOW = 7
LEAST = 1e-8
"""Of a squared error, a deviation or a power that is divided by."""


@dataclass(frozen=True)
class TransferScore:
    """How well one modality of one patient was made from another; PSNR in dB."""

    patient: str
    source: str
    target: str
    protocol: str
    psnr: float
    nmse: float
    ssim: float


def transfer_score(
    output: NDArray[np.float32], truth: NDArray[np.float32], brain: NDArray[np.bool_], protocol: Protocol
) -> tuple[float, float, float]:
    """PSNR (dB), NMSE and SSIM (7^3 uniform windows) of one modality, (D, H, W) each; see `EXPLAINED`.

    The range is the truth's own; in ``released`` the larger one of truth and output, which `score_transfer` has brought
    to the truth's mean and deviation.
    """
    if protocol == "released":
        output = np.where(brain, output, truth)
    inside = brain if protocol == "brain" else np.ones_like(brain)
    span = float(truth.max() - truth.min())
    if protocol == "released":
        span = max(span, float(output.max() - output.min()))
    error = ((output - truth)[inside] ** 2).astype(np.float64)
    psnr = 10 * np.log10(span**2 / max(error.mean(), LEAST))
    nmse = error.sum() / max(float((truth[inside].astype(np.float64) ** 2).sum()), LEAST)
    _, similarity = structural_similarity(output, truth, win_size=SSIM_WINDOW, data_range=span, full=True)
    return float(psnr), float(nmse), float(similarity[inside].mean())


def score_transfer(
    predict: Predict, volume: PatientVolume, modalities: Sequence[str], protocols: Sequence[Protocol] = PROTOCOLS
) -> list[TransferScore]:
    """Each modality of a patient alone to all: M x M scores a protocol."""
    truths, inside, rows = volume.images.numpy(), volume.foreground.numpy(), []
    for number, source in enumerate(modalities):
        made = predict(volume.images[None], (number,))[0].numpy()
        anew = (made - made.mean()) / max(float(made.std()), LEAST) * truths.std() + truths.mean()
        for column, target in enumerate(modalities):
            for protocol in protocols:
                output = anew[column] if protocol == "released" else made[column]
                pair = (output, truths[column], inside[column])
                rows.append(TransferScore(volume.name, source, target, protocol, *transfer_score(*pair, protocol)))
    return rows

"""What trained runs of the small network outline together: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.exceptions import InputError
from monai.inferers.utils import sliding_window_inference
from torch import Tensor, nn

from ..loop import CHECKPOINT, read_checkpoint
from .examples import outline_on, prepared
from .small_configuration import SmallUNetConfig
from .small_method import small_network

OVERLAP = 0.5


@dataclass(frozen=True)
class SmallSegmenter:
    """Averaged networks of one or more folds, in evaluation mode."""

    networks: Sequence[nn.Module]
    spacing: float
    patch: tuple[int, int, int]
    device: str = "cpu"

    @torch.inference_mode()
    def outline(self, image: sitk.Image) -> sitk.Image:
        """The tumour in an ultrasound, uint8 on its exact grid."""
        array, grid = prepared(image, self.spacing)
        shown = torch.from_numpy(array)[None, None].to(self.device)
        found = torch.stack([self._probability(network, shown) for network in self.networks]).mean(dim=0)
        return outline_on(found.numpy().astype(np.float32), grid, image)

    def _probability(self, network: nn.Module, shown: Tensor) -> Tensor:
        logits = sliding_window_inference(shown, self.patch, 1, network, OVERLAP, mode="gaussian")
        assert isinstance(logits, Tensor)
        return logits.float().softmax(dim=1)[0, 1].cpu()


def is_small_run(folder: Path) -> bool:
    """Whether the folder holds a run that has saved a checkpoint."""
    return (folder / CHECKPOINT).is_file()


def load_small(folders: Sequence[Path], device: str = "cpu") -> SmallSegmenter:
    """The averaged weights of runs.

    Raises:
        InputError: a folder holds no run of the small network, or the runs are of different kinds.
    """
    contents = [read_checkpoint(folder / CHECKPOINT) for folder in folders]
    for folder, content in zip(folders, contents, strict=True):
        if not {"architecture", "patch", "spacing"} <= content.keys():
            raise InputError(f"{folder} is no run of segment.py's small network; give the folder of one.")
        if _kind(content) != _kind(contents[0]):
            raise InputError(f"{folder} and {folders[0]} are runs of different networks; give folds of one kind.")
    networks = []
    for content in contents:
        network = small_network(SmallUNetConfig(tuple(content["architecture"]["channels"])))
        network.load_state_dict(content["average"])
        networks.append(network.to(device).eval())
    depth, height, width = contents[0]["patch"]
    return SmallSegmenter(networks, float(contents[0]["spacing"]), (depth, height, width), device)


def _kind(content: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(content["architecture"]["channels"]), tuple(content["patch"]), content["spacing"]

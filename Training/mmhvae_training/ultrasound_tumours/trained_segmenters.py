"""Trained models as segmenters of ultrasound that the core knows: runs of the small network, and nnU-Net's folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError
from mmhvae.segmentation import UltrasoundManifest, UltrasoundSegmenter

from ..loop import CHECKPOINT, read_checkpoint, read_run
from .examples import rules_of
from .nnunet_engine import is_nnunet_model, trained_folds
from .plain_weights import from_nnunet, from_small, nnunet_plan, small_plan
from .small_configuration import SmallUNetConfig

INTENDED_USE = (
    "Research: outlines in ultrasound to be checked and corrected by a person. No diagnosis. "
    "Not approved for clinical use."
)
LICENCE = "as its training data"


def load_trained(folders: Sequence[Path], licence: str = LICENCE, card: str = "") -> UltrasoundSegmenter:
    """The segmenter that was trained in ``folders``: runs of the small network, or one folder of nnU-Net's.

    Raises:
        InputError: they hold neither, or networks of different kinds.
    """
    if is_nnunet_model(folders[0]):
        return _from_nnunet(folders, licence, card)
    contents = [read_checkpoint(folder / CHECKPOINT) for folder in folders]
    for folder, content in zip(folders, contents, strict=True):
        if not {"architecture", "patch", "spacing", "average"} <= content.keys():
            raise InputError(f"{folder} is no run of segment.py's small network; give the folder of one.")
        if _kind(content) != _kind(contents[0]):
            raise InputError(f"{folder} and {folders[0]} are runs of different networks; give folds of one kind.")
    config = SmallUNetConfig(tuple(contents[0]["architecture"]["channels"]))
    depth, height, width = contents[0]["patch"]
    manifest = UltrasoundManifest(
        name=f"Small network, {len(folders)} folds",
        architecture=small_plan(config),
        networks=len(folders),
        rules=rules_of(float(contents[0]["spacing"])),
        patch=(depth, height, width),
        licence=licence,
        intended_use=INTENDED_USE,
        training={"runs": [read_run(folder) for folder in folders]},
    )
    return UltrasoundSegmenter(tuple(from_small(config, content["average"]) for content in contents), manifest, card)


def _from_nnunet(folders: Sequence[Path], licence: str, card: str) -> UltrasoundSegmenter:
    if len(folders) > 1:
        raise InputError("nnU-Net's folds lie in one folder; give one --model.")
    model, folds = folders[0], trained_folds(folders[0])
    plan, rules, patch = nnunet_plan(model)
    names = model.resolve().parts[-2:]
    manifest = UltrasoundManifest(
        name=f"nnU-Net, {len(folds)} folds",
        architecture=plan,
        networks=len(folds),
        rules=rules,
        patch=patch,
        licence=licence,
        intended_use=INTENDED_USE,
        training={"engine": "nnU-Net v2", "data": names[0], "plans": names[1], "folds": folds},
    )
    return UltrasoundSegmenter(tuple(from_nnunet(plan, model, fold) for fold in folds), manifest, card)


def _kind(content: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(content["architecture"]["channels"]), tuple(content["patch"]), content["spacing"]

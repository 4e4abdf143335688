"""What the engine does for registration: a whole case by files, and a verdict on the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..answers import RegistrationAnswer
from ..compute import choose_device
from ..exceptions import InputError, Progress, part_of
from ..images import modality, read_volume, write_transform
from ..registration import answer_of, register_case, require_mrs
from ..settings import RegistrationSettings
from .context import Context
from .parameters import Parameters

#: Share of a case's progress that reading its images takes.
READ = 0.05
READING = "reading the images"


@dataclass(frozen=True)
class _Files:
    """Synthetic images and their uncertainty by modality, as the client has them already."""

    images: Mapping[str, sitk.Image]
    uncertainty: Mapping[str, sitk.Image]


def run_register_case(parameters: Parameters, context: Context) -> RegistrationAnswer:
    """The pose of a patient's pre-operative MRs on the ultrasound, by way of synthetic MRs, and a verdict on it.

    The synthetic images are "fixed", made by the "bundle", which says how strong each contrast is; where there are
    none, it makes them. Where the method is "direct", the ultrasound itself is registered. The transform, also as 16
    numbers row by row ("matrix"), takes points of the ultrasound to points of the MRs, LPS mm. "region" is a mask of
    what counts of the ultrasound.
    """
    paths = {name: parameters.paths(name) for name in ("fixed", "uncertainty", "moving")}
    ultrasound, initial = parameters.required_path("ultrasound"), parameters.numbers("initial", 16)
    settings, device = parameters.settings(RegistrationSettings), parameters.text("device", "auto")
    bundle_path, region = parameters.path("bundle"), parameters.path("region")
    parameters.finish()
    choose_device(device)
    _check(paths, settings.method == "direct", bundle_path)
    images = _read(paths, ultrasound, region, part_of(context.progress, 0.0, READ))
    result = register_case(
        images["us"],
        {name: images[f"moving {name}"] for name in paths["moving"]},
        context.bundles.load(bundle_path)[0] if bundle_path is not None else None,
        settings,
        _transform(initial),
        device,
        part_of(context.progress, READ, 1.0),
        synthetic=_given(paths, images),
        region=images.get("region"),
    )
    context.folder.mkdir(mode=0o700, exist_ok=True)
    path = context.folder / "transform.tfm"
    write_transform(result.transform, path)
    return answer_of(result, str(path))


def _check(paths: Mapping[str, Mapping[str, Path]], is_direct: bool, bundle: Path | None) -> None:
    """Refuse images without a counterpart before anything is read."""
    moving, fixed = paths["moving"], paths["fixed"]
    require_mrs(moving)
    if not is_direct and fixed.keys() != moving.keys() and (fixed or bundle is None):
        raise InputError("The synthetic images are not those of the MRs; give a pair of each contrast.")
    if not paths["uncertainty"].keys() <= fixed.keys():
        raise InputError("There is an uncertainty without its synthetic image; give both.")


def _read(
    paths: Mapping[str, Mapping[str, Path]], ultrasound: Path, region: Path | None, progress: Progress
) -> dict[str, sitk.Image]:
    """The images by group and modality; a cancelled request ends between two of them."""
    shown = {"fixed": "synthetic", "uncertainty": "uncertainty of", "moving": "pre-operative"}
    todo = [("us", ultrasound, "ultrasound"), *([("region", region, "region")] if region is not None else [])]
    for group, files in paths.items():
        todo += [(f"{group} {name}", path, f"{shown[group]} {modality(name).name}") for name, path in files.items()]
    images = {}
    for number, (key, path, name) in enumerate(todo):
        progress(number / len(todo), READING)
        images[key] = read_volume(path, name)
    return images


def _given(paths: Mapping[str, Mapping[str, Path]], images: Mapping[str, sitk.Image]) -> _Files | None:
    if not paths["fixed"]:
        return None
    return _Files(*({name: images[f"{group} {name}"] for name in paths[group]} for group in ("fixed", "uncertainty")))


def _transform(numbers: list[float] | None) -> sitk.Transform:
    """A transform of 16 numbers, row by row; the identity where there are none."""
    transform = sitk.AffineTransform(3)
    if numbers is not None:
        matrix = np.reshape(np.array(numbers, np.float64), (4, 4))
        transform.SetMatrix(matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(matrix[:3, 3].tolist())
    return transform

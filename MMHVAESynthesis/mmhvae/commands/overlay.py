"""The command ``mmhvae overlay``: a pre-operative segmentation on the ultrasound's grid, registration applied."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable
from .command_line import add_command, add_nifti_form, require_no_input

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..overlays import PlacedLabel, Segmentation
    from .command_line import Commands

REGISTERED = "Segmentation moved by a registration: check it. Not approved for clinical use."


def add_overlay(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "overlay", _overlay, "Bring a segmentation onto the grid of the ultrasound.")
    parser.add_argument("--segmentation", type=Path, required=True, metavar="S", help=".seg.nrrd or a label map")
    parser.add_argument("--transform", type=Path, required=True, metavar="T.tfm", help="fixed points -> moving points")
    parser.add_argument("--reference", type=Path, required=True, metavar="IMAGE", help="the ultrasound: gives the grid")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="L", help="overlapping layers: L-2, L-3 and so on beside it"
    )
    add_nifti_form(parser)


def _overlay(options: argparse.Namespace) -> None:
    from ..images import read_transform, read_volume, require_volume_suffix
    from ..overlays import layer_paths, read_segmentation

    require_volume_suffix(options.output)
    segmentation = read_segmentation(options.segmentation)
    transform, reference = read_transform(options.transform), read_volume(options.reference, "reference")
    outputs = layer_paths(options.output, len(segmentation.layers))
    require_no_input(outputs, [options.segmentation, options.transform, options.reference])
    require_writable(options.output.parent, [path.name for path in outputs])
    lines, left = _placed(segmentation, transform, reference, options.output)
    print("\n".join([*lines, *left, f"{', '.join(str(path) for path in outputs)}. {REGISTERED}"]))


def outputs_along(segmentations: Sequence[Path], folder: Path) -> list[Path]:
    """Where the first layer of each goes: PLAN.seg.nrrd to PLAN-on-us.nii.gz.

    Raises:
        InputError: two of them would be one file.
    """
    paths = [folder / f"{path.name.split('.')[0]}-on-us.nii.gz" for path in segmentations]
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"Two segmentations would be written to {path}; give one of them another name.")
    return paths


def move_along(
    segmentations: Mapping[Path, Segmentation], transform: sitk.Transform, reference: sitk.Image
) -> list[str]:
    """Write segmentations, by their outputs, on the grid of ``reference``; what became of their labels."""
    lines = []
    for output, segmentation in segmentations.items():
        placed, left = _placed(segmentation, transform, reference, output)
        lines += [*placed, *left]
    return lines


def _placed(
    segmentation: Segmentation, transform: sitk.Transform, reference: sitk.Image, output: Path
) -> tuple[list[str], list[str]]:
    """Write the layers; what became of their labels, and what of other files stays."""
    from ..overlays import overlay, write_layers

    images, lines = [], []
    for number, layer in enumerate(segmentation.layers):
        image, placed = overlay(layer, transform, reference)
        images.append(image)
        lines += [f"{segmentation.name(number, label.value)}: {_told(label)}" for label in placed]
    return lines, write_layers(images, output)


def _told(label: PlacedLabel) -> str:
    text = f"{label.on_grid_mm3:.0f} of {label.volume_mm3:.0f} mm3 on the grid"
    text += f", {100 * label.outside:.1f} % lies outside" if label.outside else ""
    return text + ("" if label.topology_kept else "; its voxels are too coarse to keep every piece, tunnel and cavity")

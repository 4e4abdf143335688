"""The command ``mmhvae overlay``: a pre-operative segmentation on the ultrasound's grid, registration applied."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import require_writable
from .command_line import add_command, add_nifti_form, require_no_input

if TYPE_CHECKING:
    from ..overlays import PlacedLabel
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
    from ..overlays import labels_on_grid, layer_paths, read_segmentation, write_layers

    require_volume_suffix(options.output)
    segmentation = read_segmentation(options.segmentation)
    transform, reference = read_transform(options.transform), read_volume(options.reference, "reference")
    outputs = layer_paths(options.output, len(segmentation.layers))
    require_no_input(outputs, [options.segmentation, options.transform, options.reference])
    require_writable(options.output.parent, [path.name for path in outputs])
    images, lines = [], []
    for number, layer in enumerate(segmentation.layers):
        image, placed = labels_on_grid(layer, transform, reference)
        images.append(image)
        lines += [f"{segmentation.name(number, label.value)}: {_told(label)}" for label in placed]
    left = write_layers(images, options.output)
    print("\n".join([*lines, *left, f"{', '.join(str(path) for path in outputs)}. {REGISTERED}"]))


def _told(label: PlacedLabel) -> str:
    text = f"{label.on_grid_mm3:.0f} of {label.volume_mm3:.0f} mm3 on the grid"
    text += f", {100 * label.outside:.1f} % lies outside" if label.outside else ""
    return text + ("" if label.topology_kept else "; its voxels are too coarse to keep every piece, tunnel and cavity")

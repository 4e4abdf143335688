"""The command ``mmhvae segment``: a tumour's outline from whichever MRs there are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from .command_line import add_command, quiet_libraries, report, require_no_input, require_writable

if TYPE_CHECKING:
    from .command_line import Commands

COMPUTED = "A computed outline, not drawn by a person: check it. Not approved for clinical use."
#: Names of the options and what they are called, in the network's order.
CONTRASTS = {"t1": "T1", "cet1": "ceT1", "t2": "T2", "flair": "FLAIR"}


def add_segment(commands: Commands) -> None:
    """The command and its options."""
    from ..segmentation import SegmentationSettings

    defaults = SegmentationSettings()
    parser = add_command(commands, "segment", _segment, "Outline the tumour in whichever MRs there are.")
    for name, title in CONTRASTS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="IMAGE", help=f"{title} volume")
    parser.add_argument("--output", type=Path, required=True, metavar="S.seg.nrrd", help="where the outline goes")
    parser.add_argument("--uncertainty", type=Path, metavar="IMAGE", help="also write where it is uncertain, 0 to 0.5")
    parser.add_argument("--reference", type=Path, metavar="IMAGE", help="grid of the results (default: the first MR)")
    parser.add_argument("--brain-mask", type=Path, metavar="IMAGE", help="look within it alone")
    parser.add_argument("--bundle", default="segmenter", help="folder or zip (default: the one that ships)")
    flips = f"mirrored views, 1, 2, 4 or 8 (default {defaults.flips})"
    parser.add_argument("--flips", type=int, default=defaults.flips, help=flips)
    parser.add_argument(
        "--smallest-piece",
        type=float,
        default=defaults.smallest_piece_ml,
        metavar="ML",
        help=f"smaller ones are left out (default {defaults.smallest_piece_ml:g} ml)",
    )
    parser.add_argument("--device", default=defaults.device, help="auto, cpu, cuda or mps (default auto)")


def _segment(options: argparse.Namespace) -> None:
    from ..images import read_volume, require_volume_suffix, write_volumes
    from ..segmentation import SegmentationSettings, as_segmentation, segment_tumour

    if not options.output.name.endswith(".seg.nrrd"):
        raise InputError(f"{options.output.name} is no segmentation's name; name it .seg.nrrd.")
    settings = SegmentationSettings(options.flips, options.smallest_piece, device=options.device)
    paths = {name: getattr(options, name) for name in CONTRASTS if getattr(options, name) is not None}
    _refuse_ultrasound(paths)
    others = [options.reference, options.brain_mask]
    require_no_input([options.output, options.uncertainty], [*paths.values(), *others])
    for path in (options.output, options.uncertainty) if options.uncertainty else (options.output,):
        require_volume_suffix(path)
        require_writable(path.parent)
    with quiet_libraries():
        images = {name: read_volume(path, f"{name} image") for name, path in paths.items()}
        reference = read_volume(options.reference, "reference") if options.reference else None
        mask = read_volume(options.brain_mask, "brain mask") if options.brain_mask else None
    result = segment_tumour(images, options.bundle, reference, mask, settings, report)
    written = {options.output: as_segmentation(result.labels)}
    if options.uncertainty:
        written[options.uncertainty] = result.uncertainty
    with quiet_libraries():
        write_volumes(written)
    volumes = ", ".join(f"{name} {volume:.1f} ml" for name, volume in result.volumes_ml.items())
    used = ", ".join(CONTRASTS[name] for name in result.modalities)
    print(f"{volumes}, from {used}; {result.seconds:.1f} s on {result.device}. {COMPUTED}")


def _refuse_ultrasound(paths: dict[str, Path]) -> None:
    from ..images import guess_modality

    for name, path in paths.items():
        if guess_modality(path.name) == "us":
            raise InputError(f"{path.name} is an ultrasound by its name; give an MR as --{name}.")

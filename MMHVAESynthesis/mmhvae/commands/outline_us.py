"""The command ``mmhvae outline-us``: a tumour's outline in an ultrasound, and how far the registered one is away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable
from ..settings import OutlineSettings
from .command_line import add_command, add_device, add_nifti_form, report, require_no_input
from .segment import COMPUTED, SEGMENTER
from .settings_options import add_settings, settings_from

if TYPE_CHECKING:
    from ..answers import OutlineAgreement
    from .command_line import Commands


def add_outline_us(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "outline-us", _outline, "Outline the tumour in an ultrasound volume.")
    parser.add_argument("--us", type=Path, required=True, metavar="IMAGE", help="ultrasound volume")
    parser.add_argument("--bundle", type=Path, required=True, help=f"{SEGMENTER} of ultrasound; none ships")
    parser.add_argument("--output", type=Path, required=True, metavar="S.seg.nrrd", help="where the outline goes")
    parser.add_argument("--uncertainty", type=Path, metavar="IMAGE", help="also write where it is uncertain, 0 to 0.5")
    parser.add_argument("--compare-with", type=Path, metavar="S", help="pre-operative outline: how far is it away?")
    parser.add_argument("--transform", type=Path, metavar="T.tfm", help="ultrasound points -> pre-operative points")
    add_settings(parser, OutlineSettings)
    add_nifti_form(parser)
    add_device(parser)


def _outline(options: argparse.Namespace) -> None:
    from ..images import read_transform, read_volume, write_volumes
    from ..overlays import compare_outlines, read_segmentation
    from ..segmentation import ULTRASOUND_SEGMENT, as_segmentation, load_ultrasound_segmenter, outline_ultrasound

    settings = settings_from(options, OutlineSettings)
    _check(options)
    segmenter = load_ultrasound_segmenter(options.bundle)
    image = read_volume(options.us, "ultrasound")
    other = read_segmentation(options.compare_with).mask if options.compare_with else None
    transform = read_transform(options.transform) if options.transform else None
    result = outline_ultrasound(image, segmenter, settings=settings, device=options.device, progress=report)
    agreement = None if other is None else compare_outlines(result.labels, other, result.field_of_view, transform)
    written = {options.output: as_segmentation(result.labels, [ULTRASOUND_SEGMENT])}
    if options.uncertainty:
        written[options.uncertainty] = result.uncertainty
    write_volumes(written)
    found = f"Tumour {result.volume_ml:.1f} ml by {segmenter.manifest.name}"
    print(f"{found}; {result.seconds:.1f} s on {result.device}. {COMPUTED}")
    if agreement is not None:
        print(told(agreement))


def told(agreement: OutlineAgreement) -> str:
    """In words; a witness among others, no verdict."""
    if agreement.dice is None:
        return "One of the outlines shows nothing in the field of view: they cannot be compared."
    distance = ""
    if agreement.mean_mm is not None and agreement.percentile_95_mm is not None:
        distance = f"mean distance {agreement.mean_mm:.1f} mm, 95 % within {agreement.percentile_95_mm:.1f} mm, "
    return f"Registered and computed outline: {distance}Dice {agreement.dice:.2f} in the field of view."


def _check(options: argparse.Namespace) -> None:
    """Whether the outputs can be written and are nobody's input, and a transform has something to move."""
    from ..images import require_volume_suffix

    if not options.output.name.endswith(".seg.nrrd"):
        raise InputError(f"{options.output.name} is no segmentation's name; name it .seg.nrrd.")
    if options.transform and not options.compare_with:
        raise InputError("A transform is for the outline to compare with; give that, too, or leave it out.")
    outputs = [path for path in (options.output, options.uncertainty) if path]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise InputError(f"{options.output} cannot be both outline and uncertainty; choose another output.")
    require_no_input(outputs, [options.us, options.compare_with, options.transform])
    for path in outputs:
        require_volume_suffix(path)
        require_writable(path.parent, [path.name])

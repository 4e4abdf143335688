"""The command ``mmhvae segment``: a tumour's outline from whichever MRs there are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable
from ..settings import SegmentationSettings
from .command_line import add_command, add_device, add_nifti_form, report, require_no_input
from .settings_options import add_settings, settings_from

if TYPE_CHECKING:
    import SimpleITK as sitk

    from .command_line import Commands

COMPUTED = "A computed outline, not drawn by a person: check it. Not approved for clinical use."
SEGMENTER = "folder, zip, or the name of an installed segmenter"
EXTRACTOR = "folder, zip, or the name of an installed brain extractor"
#: Names of the options and what they are called, in the network's order.
CONTRASTS = {"t1": "T1", "cet1": "ceT1", "t2": "T2", "flair": "FLAIR"}


def add_segment(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "segment", _segment, "Outline the tumour in whichever MRs there are.")
    for name, title in CONTRASTS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="IMAGE", help=f"{title} volume")
    parser.add_argument("--output", type=Path, required=True, metavar="S.seg.nrrd", help="where the outline goes")
    parser.add_argument("--uncertainty", type=Path, metavar="IMAGE", help="also write where it is uncertain, 0 to 0.5")
    parser.add_argument("--reference", type=Path, metavar="IMAGE", help="grid of the results (default: the first MR)")
    parser.add_argument("--brain-mask", type=Path, metavar="IMAGE", help="look within it alone")
    parser.add_argument("--bundle", type=Path, help=f"{SEGMENTER} (default: the one that ships)")
    parser.add_argument("--extractor", type=Path, help=f"{EXTRACTOR} (default: the one that ships)")
    add_settings(parser, SegmentationSettings)
    add_nifti_form(parser)
    add_device(parser)


def _segment(options: argparse.Namespace) -> None:
    from ..images import read_volume, write_volumes
    from ..segmentation import as_segmentation, load_segmenter, segment_tumour

    settings = settings_from(options, SegmentationSettings)
    paths = {name: getattr(options, name) for name in CONTRASTS if getattr(options, name) is not None}
    _check_paths(options, paths)
    bundle = load_segmenter(options.bundle)

    def read(path: Path | None, name: str) -> sitk.Image | None:
        return read_volume(path, name) if path else None

    images = {name: read_volume(path, f"{name} image") for name, path in paths.items()}
    reference, mask = read(options.reference, "reference"), read(options.brain_mask, "brain mask")
    result = segment_tumour(
        images, bundle, reference, mask,
        extractor=options.extractor, settings=settings, device=options.device, progress=report,
    )  # fmt: skip
    written = {options.output: as_segmentation(result.labels)}
    if options.uncertainty:
        written[options.uncertainty] = result.uncertainty
    write_volumes(written)
    volumes = ", ".join(f"{name} {volume:.1f} ml" for name, volume in result.volumes_ml.items())
    used = ", ".join(CONTRASTS[name] for name in result.modalities)
    by, took = f"within the {result.within}, by {bundle.manifest.name}", f"{result.seconds:.1f} s on {result.device}"
    print(f"{volumes}, from {used} {by}; {took}. {COMPUTED}")


def _check_paths(options: argparse.Namespace, paths: dict[str, Path]) -> None:
    """Whether the outputs can be written and are nobody's input, and no input is an ultrasound by its name."""
    from ..images import guess_modality, require_volume_suffix

    if not options.output.name.endswith(".seg.nrrd"):
        raise InputError(f"{options.output.name} is no segmentation's name; name it .seg.nrrd.")
    for name, path in paths.items():
        if guess_modality(path.name) == "us":
            raise InputError(f"{path.name} is an ultrasound by its name; give an MR as --{name}.")
    outputs = [path for path in (options.output, options.uncertainty) if path]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise InputError(f"{options.output} cannot be both outline and uncertainty; choose another output.")
    require_no_input(outputs, [*paths.values(), options.reference, options.brain_mask])
    for path in outputs:
        require_volume_suffix(path)
        require_writable(path.parent, [path.name])

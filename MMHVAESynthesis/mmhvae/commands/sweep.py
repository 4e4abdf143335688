"""``mmhvae reconstruct``, and the tracked sweep that ``mmhvae synthesize`` takes in place of a volume."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..fields import kinds_of
from ..files import require_writable
from ..settings import ReconstructionSettings
from .command_line import Parser, add_command, add_nifti_form, report, require_no_input
from .settings_options import add_settings, settings_from

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..bundle import Bundle
    from ..settings import SynthesisSettings
    from ..sweep import Reconstruction, Sweep
    from ..synthesis import SynthesisResult
    from .command_line import Commands


def add_reconstruct(commands: Commands) -> None:
    """Declare ``mmhvae reconstruct``."""
    parser = add_command(commands, "reconstruct", _reconstruct, "Reconstruct a volume from tracked ultrasound frames.")
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="sequence file, such as sweep.igs.mha")
    parser.add_argument("--output", type=Path, required=True, metavar="IMAGE", help="the volume")
    parser.add_argument("--field-of-view", type=Path, metavar="MASK", help="also write where the frames passed")
    add_nifti_form(parser)
    parser.add_argument("--grid", type=Path, metavar="IMAGE", help="its grid receives the volume; replaces --spacing")
    add_sweep_options(parser)


def add_sweep_options(parser: Parser) -> None:
    """Declare how the frames of a sweep are to be understood, and how fine their volume is to be."""
    add_calibration(parser)
    add_settings(parser, ReconstructionSettings)


def add_calibration(parser: Parser) -> None:
    """Declare the calibration of a sweep that does not have its own."""
    parser.add_argument(
        "--image-to-probe",
        metavar="C",
        help='calibration: a .tfm, a PLUS .xml, or --image-to-probe="16 numbers", row by row',
    )


def given_sweep_options(options: argparse.Namespace) -> str:
    """The first of these options that was given; "" where none was."""
    names = [name for name in kinds_of(ReconstructionSettings) if hasattr(options, name)]
    names += ["image_to_probe"] if options.image_to_probe is not None else []
    return f"--{names[0].replace('_', '-')}" if names else ""


def ultrasound_from_sweep(options: argparse.Namespace) -> sitk.Image:
    """The volume of ``options.sweep``."""
    return _whole_volume(opened(options.sweep, options), options).volume


def synthesized_frames(
    options: argparse.Namespace, bundle: Bundle, targets: Sequence[str], settings: SynthesisSettings
) -> SynthesisResult:
    """Every frame of ``options.sweep`` synthesised by itself, on the grid that the sweep's volume would have."""
    from ..synthesis import synthesize_frames

    sweep, clip = opened(options.sweep, options), settings_from(options, ReconstructionSettings).clip
    volume = _whole_volume(sweep, options)
    return synthesize_frames(
        bundle, sweep, volume, targets, device=options.device, clip=clip, progress=report, settings=settings
    )


def _whole_volume(sweep: Sweep, options: argparse.Namespace) -> Reconstruction:
    from ..sweep import reconstruct

    result = reconstruct(sweep, progress=report, settings=settings_from(options, ReconstructionSettings))
    print(_summary(result))
    return result


def _reconstruct(options: argparse.Namespace) -> None:
    from ..images import require_volume_suffix, write_volumes
    from ..sweep import reconstruct

    settings = settings_from(options, ReconstructionSettings)
    outputs = [path for path in (options.output, options.field_of_view) if path]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise InputError(f"{options.output} cannot be both volume and field of view; choose another output.")
    for path in outputs:
        require_volume_suffix(path)
    require_no_input(outputs, [options.sweep, options.grid, _calibration_file(options)])
    sweep = opened(options.sweep, options)
    grid = _read_grid(options.grid) if options.grid else None
    for path in outputs:
        require_writable(path.parent, [path.name])
    result = reconstruct(sweep, grid=grid, progress=report, settings=settings)
    images = {options.output: result.volume}
    if options.field_of_view:
        images[options.field_of_view] = result.field_of_view
    write_volumes(images)
    size = " x ".join(map(str, result.volume.GetSize()))
    print(f"{options.output}: {size} voxels. {_summary(result)} Not approved for clinical use.")


def _read_grid(path: Path) -> sitk.Image:
    """An image of which only the geometry counts: it may well be empty."""
    from ..images import read_grid

    return read_grid(path)


def opened(path: Path, options: argparse.Namespace) -> Sweep:
    """The sweep in a file, as the options say it is to be understood."""
    from ..sweep import read_calibration, read_sweep

    settings = settings_from(options, ReconstructionSettings)
    image, probe, reference = settings.image_frame, settings.probe_frame, settings.reference_frame
    given = options.image_to_probe
    # An empty text is a calibration that went missing on its way here, not one that was left out.
    calibration = None if given is None else read_calibration(given, image=image, probe=probe)
    return read_sweep(path, calibration, image=image, probe=probe, reference=reference)


def _calibration_file(options: argparse.Namespace) -> Path | None:
    return Path(options.image_to_probe) if options.image_to_probe else None


def _summary(result: Reconstruction) -> str:
    dropped = (
        f", {result.frames_dropped} dropped: {result.why_dropped}." if result.frames_dropped else ", none dropped."
    )
    return f"{result.frames_used} frames{dropped}"

"""``mmhvae reconstruct``, and the tracked sweep that ``mmhvae synthesize`` takes in place of a volume."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .command_line import (
    Parser,
    add_command,
    quiet_libraries,
    report,
    require_no_input,
    require_writable,
)
from .exceptions import InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from .bundle import Bundle
    from .command_line import Commands
    from .sweep import Sweep
    from .sweep.reconstruction import Reconstruction
    from .synthesis import SynthesisResult


def add_reconstruct(commands: Commands) -> None:
    """Declare ``mmhvae reconstruct``."""
    parser = add_command(commands, "reconstruct", _reconstruct, "Reconstruct a volume from tracked ultrasound frames.")
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="sequence file, such as sweep.igs.mha")
    parser.add_argument("--output", type=Path, required=True, metavar="IMAGE", help="the volume")
    parser.add_argument("--field-of-view", type=Path, metavar="MASK", help="also write where the frames passed")
    parser.add_argument("--spacing", type=float, default=0.5, help="of the voxels in mm (default 0.5)")
    parser.add_argument("--grid", type=Path, metavar="IMAGE", help="its grid receives the volume; replaces --spacing")
    add_sweep_options(parser)
    parser.add_argument("--reference", default="Reference", metavar="NAME", help="what the patient's frame is called")
    choices = ("mean", "max", "latest")
    parser.add_argument("--compounding", choices=choices, default="mean", help="of several frames in one voxel")
    parser.add_argument("--fill-holes", action="store_true", help="fill voxels between frames from their neighbours")


def add_sweep_options(parser: Parser) -> None:
    """Declare how the frames of a sweep are to be understood."""
    parser.add_argument("--image-to-probe", metavar="C", help="calibration: a .tfm, a PLUS .xml, or 16 numbers")
    parser.add_argument("--clip", type=int, nargs=4, metavar=("X", "Y", "W", "H"), help="image within frames, pixels")


def ultrasound_from_sweep(options: argparse.Namespace) -> sitk.Image:
    """The volume of ``options.sweep``, holes filled, at least 1 inside its field of view and 0 outside.

    Synthesis takes what is above 0 for the field of view: no voxel in dark fluid should fall out of it.
    """
    import SimpleITK as sitk

    result = _whole_volume(_opened(options, "Reference"), options)
    return sitk.Maximum(result.volume, result.field_of_view)


def synthesized_frames(
    options: argparse.Namespace,
    bundle: Bundle,
    targets: Sequence[str],
    temperature: float,
    samples: int,
    seed: int,
    device: str,
) -> SynthesisResult:
    """Every frame of ``options.sweep`` synthesised by itself, on the grid that the sweep's volume would have."""
    from .frame_synthesis import synthesize_frames

    sweep = _opened(options, "Reference")
    volume = _whole_volume(sweep, options)
    clip = _clip(options)
    return synthesize_frames(bundle, sweep, volume, targets, temperature, samples, seed, device, clip, report)


def _whole_volume(sweep: Sweep, options: argparse.Namespace) -> Reconstruction:
    from .sweep.reconstruction import reconstruct

    result = reconstruct(sweep, clip=_clip(options), fill_holes=True, progress=report)
    print(_summary(result))
    return result


def _reconstruct(options: argparse.Namespace) -> None:
    from .images import read_volume, require_volume_suffix, write_volumes
    from .sweep.reconstruction import reconstruct

    outputs = [path for path in (options.output, options.field_of_view) if path]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise InputError(f"{options.output} cannot be both volume and field of view; choose another output.")
    for path in outputs:
        require_volume_suffix(path)
    require_no_input(outputs, [options.sweep, options.grid, _calibration_file(options)])
    sweep = _opened(options, options.reference)
    with quiet_libraries():
        grid = read_volume(options.grid, "grid") if options.grid else None
    for path in outputs:
        require_writable(path.parent)
    result = reconstruct(sweep, options.spacing, grid, _clip(options), options.compounding, options.fill_holes, report)
    images = {options.output: result.volume}
    if options.field_of_view:
        images[options.field_of_view] = result.field_of_view
    with quiet_libraries():
        write_volumes(images)
    size = " x ".join(map(str, result.volume.GetSize()))
    print(f"{options.output}: {size} voxels. {_summary(result)} Not approved for clinical use.")


def _opened(options: argparse.Namespace, reference: str) -> Sweep:
    from .sweep import read_calibration, read_sweep

    with quiet_libraries():
        calibration = read_calibration(options.image_to_probe) if options.image_to_probe else None
        return read_sweep(options.sweep, calibration, reference=reference)


def _calibration_file(options: argparse.Namespace) -> Path | None:
    return Path(options.image_to_probe) if options.image_to_probe else None


def _clip(options: argparse.Namespace) -> tuple[int, int, int, int] | None:
    return tuple(options.clip) if options.clip else None


def _summary(result: Reconstruction) -> str:
    dropped = (
        f", {result.frames_dropped} dropped: {result.why_dropped}." if result.frames_dropped else ", none dropped."
    )
    return f"{result.frames_used} frames{dropped}"

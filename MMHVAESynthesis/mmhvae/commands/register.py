"""The command ``mmhvae register``: one moving image onto one fixed one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable, whole_files
from ..settings import PairSettings
from .command_line import NOTICE, add_command, report, require_no_input
from .settings_options import add_work, settings_from

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..registration import Channel, RigidResult
    from .command_line import Commands


def add_register(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "register", _register, "Register a moving image rigidly to a fixed one.")
    parser.add_argument("--fixed", type=Path, required=True, metavar="IMAGE")
    parser.add_argument("--moving", type=Path, required=True, metavar="IMAGE")
    parser.add_argument("--output", type=Path, required=True, metavar="T.tfm", help="fixed points -> moving points")
    parser.add_argument("--fixed-mask", type=Path, metavar="IMAGE")
    parser.add_argument("--moving-mask", type=Path, metavar="IMAGE")
    parser.add_argument("--initial", type=Path, metavar="T0.tfm")
    parser.add_argument("--resampled", type=Path, metavar="IMAGE", help="also write the moving image, registered")
    parser.add_argument("--same-contrast", action="store_true", help="both show one modality, such as T2 and T2")
    parser.add_argument("--uncertainty", type=Path, metavar="IMAGE", help="the fixed image's: what is sure counts more")
    add_work(parser, PairSettings)


def _register(options: argparse.Namespace) -> None:
    from ..images import read_transform, require_transform_suffix
    from ..registration import register_channels

    settings = settings_from(options, PairSettings)
    require_transform_suffix(options.output)
    if settings.metric == "lc2" and options.same_contrast:
        raise InputError("--metric lc2 compares ultrasound with MR; leave out --same-contrast.")
    given = [options.fixed, options.moving, options.fixed_mask, options.moving_mask, options.initial]
    require_no_input([options.output, options.resampled], [*given, options.uncertainty])
    channel = _channel(options)
    initial = read_transform(options.initial) if options.initial else None
    _require_writable(options)
    result = register_channels([channel], initial, options.device, report, settings=settings)
    _write(options, channel, result)
    outcome = "converged" if result.converged else "did not converge: check the result"
    print(f"Similarity {result.similarity_before:.3f} -> {result.similarity_after:.3f}, {outcome}. {NOTICE}")


def _channel(options: argparse.Namespace) -> Channel:
    from ..images import read_volume
    from ..registration import Channel

    def read(path: Path | None, name: str) -> sitk.Image | None:
        return read_volume(path, name) if path else None

    return Channel(
        read_volume(options.fixed, "fixed image"),
        read_volume(options.moving, "moving image"),
        read(options.fixed_mask, "fixed mask"),
        read(options.moving_mask, "moving mask"),
        options.same_contrast,
        uncertainty=read(options.uncertainty, "uncertainty"),
    )


def _require_writable(options: argparse.Namespace) -> None:
    from ..images import require_volume_suffix

    require_writable(options.output.parent, [options.output.name])
    if options.resampled:
        require_volume_suffix(options.resampled)
        require_writable(options.resampled.parent, [options.resampled.name])


def _write(options: argparse.Namespace, channel: Channel, result: RigidResult) -> None:
    import SimpleITK as sitk

    from ..images import write_transform, write_volume

    with whole_files([options.output]) as temporaries:  # both files or none
        write_transform(result.transform, temporaries[options.output])
        if options.resampled:
            moved = sitk.Resample(channel.moving, channel.fixed, result.transform, sitk.sitkLinear, 0.0)
            write_volume(moved, options.resampled)

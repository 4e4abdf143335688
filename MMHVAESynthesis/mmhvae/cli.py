"""The command line: ``mmhvae synthesize | register | reconstruct | overlay | segment | tre | import-release | info |
weights | demo``.

Exit status: 0 done; 2 the user's input cannot be used, with one sentence on standard error; 1 a defect.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import (
    NOTICE,
    Parser,
    add_command,
    add_overlay,
    add_reconstruct,
    add_segment,
    add_sweep_options,
    add_weights,
    bundle_at,
    quiet_libraries,
    report,
    require_no_input,
    require_writable,
    synthesized_frames,
    ultrasound_from_sweep,
)
from .exceptions import Cancelled, InputError
from .images import MODALITIES
from .version import __version__

CANCELLED = 130  # as a shell reports a program ended by Ctrl-C

if TYPE_CHECKING:
    from .commands import Commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        options = _parser().parse_args(arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they address programmers, and would surround the one sentence
            options.run(options)
        sys.stdout.flush()
    except InputError as error:
        print(f"mmhvae: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Cancelled):
        print("mmhvae: Cancelled.", file=sys.stderr)
        return CANCELLED
    except BrokenPipeError:  # whoever read the output, such as ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="mmhvae", description=f"Synthesise and register brain images. {NOTICE}")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_synthesize(commands)
    _add_register(commands)
    add_reconstruct(commands)
    add_overlay(commands)
    add_segment(commands)
    _add_tre(commands)
    _add_bundle_commands(commands)
    add_weights(commands)
    return parser


def _add_synthesize(commands: Commands) -> None:
    parser = add_command(commands, "synthesize", _synthesize, "Synthesise the images that are missing.")
    parser.add_argument("--bundle", type=Path, help="folder, zip, released .pth, or the name of an installed model")
    for name, modality in MODALITIES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="IMAGE", help=f"{modality.name} volume")
    parser.add_argument("--sweep", type=Path, help="tracked ultrasound frames, in place of --us")
    parser.add_argument(
        "--frame-by-frame", action="store_true", help="synthesise the frames of the sweep, not its volume"
    )
    add_sweep_options(parser)
    parser.add_argument("--targets", nargs="+", required=True, metavar="MODALITY", help="what to synthesise")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--reference", type=Path, metavar="IMAGE", help="grid of the results (default: the ultrasound)")
    parser.add_argument("--temperature", type=float, default=0.5, help="0 for the most probable image (default 0.5)")
    parser.add_argument("--samples", type=int, default=5, help="draws behind mean and uncertainty (default 5)")
    parser.add_argument("--seed", type=int, default=0)
    axes = ("0", "1", "2", "all")
    parser.add_argument(
        "--slice-axis", choices=axes, help="default: the bundle's; all: each in turn, three times the work"
    )
    _add_device(parser)


def _add_register(commands: Commands) -> None:
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
    parser.add_argument(
        "--prior",
        type=float,
        nargs=2,
        metavar=("MM", "DEG"),
        help="how far the start may be off (standard deviations); the panel's default is 10 5, here none",
    )
    parser.add_argument(
        "--metric", choices=("correlation", "lc2"), default="correlation", help="lc2: ultrasound to MR, unsynthesised"
    )
    parser.add_argument(
        "--method", choices=("gauss-newton", "adam"), default="gauss-newton", help="adam: as in the paper, slower"
    )
    parser.add_argument("--preview", action="store_true", help="stop at 2 mm")
    _add_device(parser)


def _add_tre(commands: Commands) -> None:
    parser = add_command(commands, "tre", _tre, "Target registration error at landmarks.")
    parser.add_argument("--transform", type=Path, metavar="T.tfm", help="fixed points -> moving points")
    parser.add_argument(
        "--landmarks",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="one .tag file (MRI, then ultrasound), or fixed.mrk.json moving.mrk.json",
    )


def _add_bundle_commands(commands: Commands) -> None:
    parser = add_command(commands, "import-release", _import_release, "Turn the authors' checkpoint into a bundle.")
    parser.add_argument("checkpoint", type=Path, metavar="CP_main_1000.pth")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser = add_command(commands, "info", _info, "Say what a bundle is.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser = add_command(commands, "demo", _demo, "Run the whole job on the shipped, simulated case.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")


def _synthesize(options: argparse.Namespace) -> None:
    from .bundle import load_bundle
    from .images import read_volume, write_volumes
    from .synthesis import check_request, synthesize

    paths = {name: getattr(options, name) for name in MODALITIES if getattr(options, name) is not None}
    if options.sweep and "us" in paths:
        raise InputError("Give either --us or --sweep: both are the ultrasound.")
    if (options.image_to_probe is not None or options.clip) and not options.sweep:
        raise InputError("--image-to-probe and --clip describe a sweep; give it with --sweep.")
    if options.frame_by_frame and (not options.sweep or paths or options.reference or options.slice_axis):
        raise InputError("--frame-by-frame takes a --sweep and nothing else to synthesise from or onto.")
    require_no_input(_written(options.output, options.targets), [*paths.values(), options.reference, options.sweep])
    with quiet_libraries():
        inputs = {name: read_volume(path, f"{name} image") for name, path in paths.items()}
        reference = read_volume(options.reference, "reference") if options.reference else None
    require_writable(options.output)
    bundle = load_bundle(bundle_at(options.bundle))
    given = {*inputs, "us"} if options.sweep else {*inputs}
    check_request(
        bundle.network.config, given, options.targets, options.temperature, options.samples, options.seed
    )  # before a sweep is reconstructed in vain
    how_many = (options.targets, options.temperature, options.samples, options.seed, options.device)
    if options.frame_by_frame:
        result = synthesized_frames(options, bundle, *how_many)
    else:
        if options.sweep:
            inputs["us"] = ultrasound_from_sweep(options)
        axis = int(options.slice_axis) if options.slice_axis in ("0", "1", "2") else options.slice_axis
        result = synthesize(bundle, inputs, *how_many, reference, report, slice_axis=axis)
    images = {options.output / f"{name}.nii.gz": image for name, image in result.images.items()}
    deviations = {options.output / f"{name}-uncertainty.nii.gz": image for name, image in result.uncertainty.items()}
    with quiet_libraries():
        write_volumes(images | deviations)
    for path in set(_written(options.output, list(result.images))) - set(images | deviations):
        path.unlink(missing_ok=True)  # the uncertainty of an earlier run says nothing about this one
    how = f"{result.seconds:.1f} s on {result.device} in {result.precision}"
    print(f"{', '.join(result.images)} in {options.output}, {how}. {NOTICE}")


def _register(options: argparse.Namespace) -> None:
    import SimpleITK as sitk

    from .images import (
        read_transform,
        read_volume,
        require_transform_suffix,
        require_volume_suffix,
        write_transform,
        write_volume,
    )
    from .registration import Channel, PosePrior, register_channels

    require_transform_suffix(options.output)
    if options.metric == "lc2" and options.same_contrast:
        raise InputError("--metric lc2 compares ultrasound with MR; leave out --same-contrast.")
    given = [options.fixed, options.moving, options.fixed_mask, options.moving_mask, options.initial]
    given.append(options.uncertainty)
    require_no_input([options.output, options.resampled], given)
    with quiet_libraries():
        fixed, moving = read_volume(options.fixed, "fixed image"), read_volume(options.moving, "moving image")
        fixed_mask = read_volume(options.fixed_mask, "fixed mask") if options.fixed_mask else None
        moving_mask = read_volume(options.moving_mask, "moving mask") if options.moving_mask else None
        uncertainty = read_volume(options.uncertainty, "uncertainty") if options.uncertainty else None
        initial = read_transform(options.initial) if options.initial else None
    channel = Channel(fixed, moving, fixed_mask, moving_mask, options.same_contrast, uncertainty=uncertainty)
    prior = PosePrior(*options.prior) if options.prior else None
    require_writable(options.output.parent)
    if options.resampled:
        require_volume_suffix(options.resampled)
        require_writable(options.resampled.parent)
    result = register_channels(
        [channel], initial, options.device, report,
        preview=options.preview, prior=prior, method=options.method, metric=options.metric,
    )  # fmt: skip
    with quiet_libraries():
        if options.resampled:  # the larger file first: where there is no room, nothing is left behind
            write_volume(sitk.Resample(moving, fixed, result.transform, sitk.sitkLinear, 0.0), options.resampled)
        write_transform(result.transform, options.output)
    outcome = "converged" if result.converged else "did not converge: check the result"
    print(f"Similarity {result.similarity_before:.3f} -> {result.similarity_after:.3f}, {outcome}. {NOTICE}")


def _tre(options: argparse.Namespace) -> None:
    import SimpleITK as sitk

    from .images import read_transform
    from .registration import read_markups, read_tag, target_registration_error

    if len(options.landmarks) == 1:
        moving, fixed = read_tag(options.landmarks[0])
    elif len(options.landmarks) == 2:
        fixed, moving = (read_markups(path) for path in options.landmarks)
    else:
        raise InputError("Give one .tag file, or two .mrk.json files: the fixed points, then the moving ones.")
    before = target_registration_error(sitk.Euler3DTransform(), fixed, moving)
    after = None
    if options.transform:
        with quiet_libraries():
            transform = read_transform(options.transform)
        after = target_registration_error(transform, fixed, moving)
    for index, error in enumerate(before):
        print(f"{index + 1:4d}  {error:8.2f} mm" + (f" -> {after[index]:8.2f} mm" if after is not None else ""))
    print(f"mean  {before.mean():8.2f} mm" + (f" -> {after.mean():8.2f} mm" if after is not None else ""))


def _import_release(options: argparse.Namespace) -> None:
    from .bundle import load_bundle, save_bundle

    if options.checkpoint.suffix != ".pth":
        raise InputError(f"{options.checkpoint} is not a .pth file; give the authors' CP_main_1000.pth.")
    bundle = load_bundle(options.checkpoint)
    save_bundle(bundle, options.folder)
    print(f"{options.folder}: {bundle.manifest.name}, {', '.join(bundle.manifest.architecture.modalities)}. {NOTICE}")


def _info(options: argparse.Namespace) -> None:
    from .bundle import load_bundle

    bundle = load_bundle(options.bundle)
    parameters = sum(tensor.numel() for tensor in bundle.network.parameters())
    print(json.dumps({**asdict(bundle.manifest), "parameters": parameters}, indent=2, default=dict))


def _demo(options: argparse.Namespace) -> None:
    from .demo import can_draw, run_demo, summary_table

    require_writable(options.output)
    print(summary_table(run_demo(options.output, report)))
    if can_draw():
        print(f"{options.output / 'figure.png'} tells the story. {NOTICE}")
    else:
        print(f"For the figure, install matplotlib: pip install 'mmhvae[figures]'. {NOTICE}")


def _written(folder: Path, targets: Sequence[str]) -> list[Path]:
    return [folder / f"{name}{kind}.nii.gz" for name in targets for kind in ("", "-uncertainty")]


if __name__ == "__main__":
    sys.exit(main())

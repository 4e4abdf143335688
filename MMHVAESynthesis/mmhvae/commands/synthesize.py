"""The command ``mmhvae synthesize``: volumes or a tracked sweep in, synthetic volumes and their uncertainty out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable
from ..images import MODALITIES
from ..settings import SynthesisSettings
from .command_line import NOTICE, add_command, report, require_no_input
from .settings_options import add_work, settings_from
from .sweep import add_sweep_options, given_sweep_options, synthesized_frames, ultrasound_from_sweep

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..bundle import Bundle
    from ..synthesis import SynthesisResult
    from .command_line import Commands


FORMATS = ("nii.gz", "nii", "nrrd", "mha")


def add_synthesize(commands: Commands) -> None:
    """The command and its options."""
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
    text = "of the results; nrrd and mha keep where the voxels lie to the last digit (default nii.gz)"
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=text)
    add_work(parser, SynthesisSettings)


def _synthesize(options: argparse.Namespace) -> None:
    from ..images import doubt_about_background, read_volume

    settings = settings_from(options, SynthesisSettings)
    paths = {name: getattr(options, name) for name in MODALITIES if getattr(options, name) is not None}
    _check(options, paths)
    written = _written(options.output, options.targets, options.format)
    require_no_input(written, [*paths.values(), options.reference, options.sweep])
    inputs = {name: read_volume(path, f"{name} image") for name, path in paths.items()}
    reference = read_volume(options.reference, "reference") if options.reference else None
    doubts = [doubt_about_background(inputs["us"], "ultrasound")] if "us" in inputs else []
    require_writable(options.output, [path.name for path in written])
    from ..bundle import load_bundle  # torch takes seconds to load: not before the files are found to be good
    from ..synthesis import check_request

    bundle = load_bundle(options.bundle)
    given = {*inputs, "us"} if options.sweep else {*inputs}
    check_request(bundle.network.config, given, options.targets)  # before a sweep is reconstructed in vain
    result = _made(options, bundle, inputs, reference, settings)
    left = _write(options.output, options.format, result)
    how = f"{result.seconds:.1f} s on {result.device} in {result.precision}"
    print("\n".join([*filter(None, doubts), *left, f"{', '.join(result.images)} in {options.output}, {how}. {NOTICE}"]))


def _check(options: argparse.Namespace, paths: dict[str, Path]) -> None:
    if options.sweep and "us" in paths:
        raise InputError("Give either --us or --sweep: both are the ultrasound.")
    if given_sweep_options(options) and not options.sweep:
        raise InputError(f"{given_sweep_options(options)} describes a sweep; give it with --sweep.")
    if options.frame_by_frame and (not options.sweep or paths or options.reference or hasattr(options, "slice_axis")):
        raise InputError("--frame-by-frame takes a --sweep and nothing else to synthesise from or onto.")


def _made(
    options: argparse.Namespace,
    bundle: Bundle,
    inputs: dict[str, sitk.Image],
    reference: sitk.Image | None,
    settings: SynthesisSettings,
) -> SynthesisResult:
    from ..synthesis import synthesize

    if options.frame_by_frame:
        return synthesized_frames(options, bundle, options.targets, settings)
    if options.sweep:
        inputs["us"] = ultrasound_from_sweep(options)
    return synthesize(
        bundle, inputs, options.targets, device=options.device, reference=reference, progress=report, settings=settings
    )


def _write(folder: Path, suffix: str, result: SynthesisResult) -> list[str]:
    """Write the images; returns a sentence for each file of an earlier run that stays beside them."""
    from ..images import write_volumes

    images = {folder / f"{name}.{suffix}": image for name, image in result.images.items()}
    deviations = {folder / f"{name}-uncertainty.{suffix}": image for name, image in result.uncertainty.items()}
    write_volumes(images | deviations)
    for path in set(_written(folder, list(result.images), suffix)) - set(images | deviations):
        path.unlink(missing_ok=True)  # the uncertainty of an earlier run says nothing about this one
    others = [path for other in FORMATS if other != suffix for path in _written(folder, list(result.images), other)]
    return [f"{path} is of an earlier run." for path in others if path.exists()]


def _written(folder: Path, targets: Sequence[str], suffix: str) -> list[Path]:
    return [folder / f"{name}{kind}.{suffix}" for name in targets for kind in ("", "-uncertainty")]

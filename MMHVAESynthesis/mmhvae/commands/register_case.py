"""The command ``mmhvae register-case``: the whole job on a patient's images, with a verdict on the result."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from ..files import require_writable, whole_files, write_text
from ..images import MODALITIES
from ..settings import RegistrationSettings
from .command_line import add_command, report, require_no_input
from .overlay import move_along, outputs_along
from .settings_options import add_work, settings_from
from .sweep import add_calibration, given_sweep_options, opened

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..overlays import Segmentation
    from ..registration import CaseResult
    from ..sweep import Sweep
    from .command_line import Commands

TRANSFORM, VERDICT = "us-to-preop.tfm", "verdict.json"
#: Exit status where the registration has failed by its own judgement.
FAILED = 3
_MRS = tuple(name for name, modality in MODALITIES.items() if modality.is_mr)


def add_register_case(commands: Commands) -> None:
    """The command and its options."""
    text = "Register pre-operative MRs to an ultrasound, and judge the result. Exit status 3: it has failed."
    parser = add_command(commands, "register-case", _register_case, text)
    parser.add_argument("--us", type=Path, required=True, metavar="US", help="volume, or tracked frames")
    for name in _MRS:
        parser.add_argument(f"--{name}", type=Path, metavar="IMAGE", help=f"pre-operative {MODALITIES[name].name}")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help=f"receives {TRANSFORM} and {VERDICT}")
    parser.add_argument("--bundle", type=Path, help="folder, zip, released .pth, or the name of an installed model")
    parser.add_argument("--initial", type=Path, metavar="T0.tfm", help="the start, where navigation is not to be it")
    parser.add_argument(
        "--moves-along", type=Path, nargs="+", default=[], metavar="PLAN.seg.nrrd",
        help="segmentations of the MRs, written onto the ultrasound's grid",
    )  # fmt: skip
    parser.add_argument(
        "--only-within", type=Path, metavar="REGION.seg.nrrd",
        help="a segmentation, or label map: the ultrasound outside of it does not count",
    )  # fmt: skip
    add_calibration(parser)
    add_work(parser, RegistrationSettings)


def _register_case(options: argparse.Namespace) -> int:
    from ..images import read_transform
    from ..overlays import read_segmentation

    settings = settings_from(options, RegistrationSettings)
    paths = {name: getattr(options, name) for name in _MRS if getattr(options, name) is not None}
    if not paths:
        raise InputError("There is no pre-operative MR; give one or more of --t2, --cet1 and --flair.")
    given = [options.us, *paths.values(), options.initial, options.only_within, *options.moves_along]
    along = outputs_along(options.moves_along, options.output)
    outputs = [options.output / TRANSFORM, options.output / VERDICT, *along]
    require_no_input(outputs, given)
    ultrasound, mrs = _ultrasound(options), _volumes(paths)
    plans = dict(zip(along, map(read_segmentation, options.moves_along), strict=True))
    initial = read_transform(options.initial) if options.initial else None
    region = read_segmentation(options.only_within).mask if options.only_within else None
    require_writable(options.output, [path.name for path in outputs])
    from ..bundle import load_bundle  # torch takes seconds to load: not before the files are found to be good
    from ..registration import register_case

    bundle = load_bundle(options.bundle) if settings.method == "synthesis" else None
    result = register_case(ultrasound, mrs, bundle, settings, initial, options.device, report, region=region)
    lines = _write(options.output, result, list(mrs), plans, options.only_within)
    print("\n".join([*lines, *_told(options.output, result)]))
    return FAILED if result.trust.verdict == "failed" else 0


def _ultrasound(options: argparse.Namespace) -> sitk.Image | Sweep:
    from ..images import read_volume
    from ..sweep import is_sequence

    if is_sequence(options.us):
        return opened(options.us, options)
    if given_sweep_options(options):
        raise InputError(
            f"{given_sweep_options(options)} describes a sweep, and {options.us} is a volume; leave it out."
        )
    return read_volume(options.us, "ultrasound")


def _volumes(paths: dict[str, Path]) -> dict[str, sitk.Image]:
    from ..images import read_volume

    return {name: read_volume(path, f"pre-operative {MODALITIES[name].name}") for name, path in paths.items()}


def _write(
    folder: Path, result: CaseResult, contrasts: list[str], plans: dict[Path, Segmentation], region: Path | None
) -> list[str]:
    """The files, all or, but for segmentations, none; what became of the segmentations, and what counted, in lines."""
    from ..images import write_transform
    from ..overlays import layer_paths
    from ..registration import report_of

    has_failed = result.trust.verdict == "failed"
    moved = [p.name for path, plan in plans.items() for p in layer_paths(path, len(plan.layers)) if not has_failed]
    now, name = datetime.now().astimezone(), region.name if region is not None else ""
    told = report_of(result, TRANSFORM, contrasts, moved, now, name)
    lines = [] if result.region_share is None else [_within_text(name, result.region_share)]
    with whole_files([folder / TRANSFORM, folder / VERDICT]) as temporaries:
        write_transform(result.transform, temporaries[folder / TRANSFORM])
        write_text(json.dumps(told.to_json(), indent=2) + "\n", temporaries[folder / VERDICT])
        if has_failed:
            return lines + (["Nothing was moved along, since the registration has failed."] if plans else [])
        return lines + move_along(plans, result.transform, result.ultrasound)


def _within_text(name: str, share: float) -> str:
    """What counted, in a sentence."""
    return f"Registered within {name} only: {100 * share:.0f} % of the ultrasound."


def _told(folder: Path, result: CaseResult) -> list[str]:
    from ..registration import witnessed

    trust = result.trust
    work = f"in {result.seconds:.0f} s on {result.device}"
    return [
        f"{trust.verdict.upper()}: expected error {trust.expected_error_mm:.1f} mm. {trust.reason}",
        *([said] if (said := witnessed(trust.witnesses)) else []),
        f"Moved {trust.moved_mm:.1f} mm and {trust.moved_deg:.1f} degrees {work}.",
        f"{folder / TRANSFORM}, {folder / VERDICT}. Not approved for clinical use.",
    ]

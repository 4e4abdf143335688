"""Measure a refinement on simulated cases: one axis and three, without it and with it, and what each takes.

python Training/studies/measure_refinement.py --bundle PLAIN --refined REFINED --cases CASES --output DIR

From the ultrasound alone, at temperature 0, in float32. Writes a JSON line a case and way as soon as it is known, and
skips those that are there: stop it and start it again at will, with the same bundles. Seconds are the process's own
(CPU time), so that other work on the machine does not count; with one thread they are what an idle core takes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
from mmhvae import InputError, load_bundle
from mmhvae.bundle import Bundle
from mmhvae.files import write_text
from mmhvae.settings import SliceAxis
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.judging import QUALITY_SHAPE, TARGETS, image_quality, load_evaluation_case
from mmhvae_training.loop import checksum_of
from mmhvae_training.records import SETTINGS, read_lines, require_same_cases, require_same_settings, write_line
from mmhvae_training.single_precision import synthesize

#: Way -> whether refined, and the slicing axis.
WAYS: dict[str, tuple[bool, SliceAxis | None]] = {
    "one axis": (False, None),
    "three axes": (False, "all"),
    "one axis, refined": (True, None),
    "three axes, refined": (True, "all"),
}
SCORES = ("psnr", "constant_psnr", "ssim", "correlation")
#: Whether refined -> what the checksum of such a bundle is called, and where it is kept: either may come later.
KEPT = {False: ("bundle", SETTINGS), True: ("refined", "refined-settings.json")}
#: Of a line.
SHAPE = {
    "case": str,
    "way": str,
    "quality": {target: shape | dict.fromkeys(SCORES, float) for target, shape in QUALITY_SHAPE.items()},
    "seconds": float,
}
TITLES = "dB over the best constant | SSIM | correlation | lesion: dB over the constant, SSIM | 5 mm around: the same"


def measured(bundle: Bundle, axis: SliceAxis | None, folder: Path, device: str) -> dict[str, Any]:
    """Quality and CPU seconds of one way on one case."""
    case = load_evaluation_case(folder)
    started = time.process_time()
    result = synthesize(bundle, {"us": case.us}, TARGETS, 0.0, device=device, slice_axis=axis)
    seconds = time.process_time() - started
    return {"quality": image_quality(result, case), "seconds": round(seconds, 2)}


def load_bundles(plain: Path, refined: Path | None) -> dict[bool, Bundle]:
    """Whether refined -> bundle; that with the refinement where there is one.

    Raises:
        InputError: one cannot be read, or the second is not the first with a refinement behind its network.
    """
    bundles = {False: load_bundle(plain)}
    if bundles[False].refinement is not None:
        raise InputError(f"{plain} has a refinement; give --bundle the one that it was refined from.")
    if refined is not None:
        bundles[True] = load_bundle(refined)
        _require_refined_from(bundles, refined, plain)
    return bundles


def _require_refined_from(bundles: Mapping[bool, Bundle], refined: Path, plain: Path) -> None:
    if bundles[True].refinement is None:
        raise InputError(f"{refined} has no refinement; give --refined a bundle of export.py --refinement.")
    is_like_it = replace(bundles[True].manifest, refinement=None).has_network_of(bundles[False].manifest)
    # The checksums in the manifests are of whole files: the refined one's counts the refinement, too.
    weights = {checksum_of(bundle.network.state_dict()) for bundle in bundles.values()}
    if not is_like_it or len(weights) > 1:
        raise InputError(f"{refined} holds another network than {plain}; give --bundle the one it was refined from.")


def require_same_bundles(output: Path, bundles: Mapping[bool, Bundle], rows: Sequence[Mapping[str, Any]]) -> None:
    """See that what is measured in this folder without the refinement, and with it, is one bundle each."""
    for refined, bundle in bundles.items():
        name, file = KEPT[refined]
        begun = any(row["way"] in WAYS and WAYS[row["way"]][0] == refined for row in rows)
        require_same_settings(output, {name: bundle.manifest.weights_sha256}, begun, file)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: means over the cases that all ways have done, by target and over all of them."""
    ways = [way for way in WAYS if any(row["way"] == way for row in rows)]
    common = set.intersection(*({row["case"] for row in rows if row["way"] == way} for way in ways))
    lines = [f"{len(common)} simulated cases; means.", "", f"| way | target | {TITLES} | CPU s |", "|---" * 8 + "|"]
    for way in ways:
        chosen = [row for row in rows if row["way"] == way and row["case"] in common]
        for target in (*TARGETS, "mean"):
            found = [row["quality"][name] for row in chosen for name in TARGETS if target in (name, "mean")]
            seconds = f"{np.mean([row['seconds'] for row in chosen]):.1f}" if target == "mean" else ""
            lines.append(f"| {way} | {target} | {_cells(found)} | {seconds} |")
    return "\n".join(lines) + "\n"


def _cells(found: Sequence[Mapping[str, Any]]) -> str:
    gain = np.mean([one["psnr"] - one["constant_psnr"] for one in found])
    cells = [f"{gain:.2f}", *(f"{np.mean([one[name] for one in found]):.3f}" for name in ("ssim", "correlation"))]
    for region in ("lesion", "around"):
        seen = [one[region] for one in found if one.get(region)]
        gains, ssim = ([f(one) for one in seen] for f in (lambda o: o["psnr"] - o["constant"], lambda o: o["ssim"]))
        cells.append(f"{np.mean(gains):.2f}, {np.mean(ssim):.3f}" if seen else "none")
    return " | ".join(cells)


def main() -> None:
    """Read the command line, measure what is not there yet, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="without the refinement")
    parser.add_argument("--refined", type=Path, help="the same bundle with it; without: the plain ways alone")
    parser.add_argument("--cases", type=Path, required=True, help="folder with case-*, as simulate.py writes them")
    add_device(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder that receives refinement.md and .jsonl")
    arguments = parser.parse_args()
    device = device_of_table(arguments.device)
    folders = sorted(path.parent for path in arguments.cases.glob("case-*/parameters.json"))
    if not folders:
        raise InputError(f"{arguments.cases} holds no case; give the folder that simulate.py wrote.")
    bundles = load_bundles(arguments.bundle, arguments.refined)
    lines = arguments.output / "refinement.jsonl"
    known = read_lines(lines, SHAPE)
    require_same_bundles(arguments.output, bundles, known)
    require_same_cases(arguments.output, {path.name: [path] for path in folders}, (row["case"] for row in known))
    done = {(row["case"], row["way"]) for row in known}
    for way, (refined, axis) in WAYS.items():
        for folder in folders:
            if refined in bundles and (folder.name, way) not in done:
                row = {"case": folder.name, "way": way}
                write_line(lines, row | measured(bundles[refined], axis, folder, device))
    text = table(read_lines(lines, SHAPE))
    write_text(text, arguments.output / "refinement.md")
    print(text)


if __name__ == "__main__":
    run(main)

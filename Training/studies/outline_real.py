"""Outline the tumour in every real ultrasound of a folder: a contact sheet to look at, and numbers that need no truth.

python Training/studies/outline_real.py --real ../shared/data/resect --bundle SEGMENTER \\
    --by-eye Training/cards/ultrasound-tumours/by-eye.json --output DIR

``--by-eye`` names a file of ellipsoids that somebody set where MR and ultrasound show the tumour, for comparison.
Held-out volumes are outlined, too: choose nothing by them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae.files import write_text
from mmhvae.images import read_volume, write_volume
from mmhvae.segmentation import UltrasoundSegmenter, load_ultrasound_segmenter
from mmhvae_training.calibration.measure import find_real
from mmhvae_training.device_option import add_device
from mmhvae_training.records import write_json
from mmhvae_training.single_precision import outline_ultrasound
from mmhvae_training.ultrasound_tumours import (
    Ellipsoid,
    RealOutline,
    draw_contact_sheet,
    facts_of,
    facts_table,
    read_ellipsoids,
)


def outlined(path: Path, segmenter: UltrasoundSegmenter, by_eye: Ellipsoid | None, device: str) -> RealOutline:
    """The tumour in an ultrasound, beside what was set there by eye."""
    us = read_volume(path, "ultrasound")
    return RealOutline(us, outline_ultrasound(us, segmenter, device=device), by_eye and by_eye.on(us))


def main() -> None:
    """Read the command line, outline every volume, write the outlines, the numbers and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with NAME-us.nii.gz")
    parser.add_argument("--bundle", type=Path, required=True, help="of segment.py export")
    parser.add_argument("--by-eye", type=Path, help="JSON: NAME -> centre_lps_mm, radii_mm along the image's axes")
    parser.add_argument("--output", type=Path, required=True, help="receives outlines.json, .md and .png, NAME.nii.gz")
    add_device(parser)
    arguments = parser.parse_args()
    segmenter, outlines = load_ultrasound_segmenter(arguments.bundle), {}
    arguments.output.mkdir(parents=True, exist_ok=True)
    by_eye = read_ellipsoids(arguments.by_eye) if arguments.by_eye else {}
    for name, path in find_real(arguments.real, held_out=True).items():
        outlines[name] = outlined(path, segmenter, by_eye.get(name), arguments.device)
        write_volume(outlines[name].found.labels, arguments.output / f"{name}.nii.gz")
        print(f"{name}: {outlines[name].found.volume_ml} ml", flush=True)
    facts = {name: facts_of(outline) for name, outline in outlines.items()}
    sha256 = segmenter.manifest.weights_sha256
    write_json({"weights_sha256": sha256, "volumes": facts}, arguments.output / "outlines.json")
    write_text(facts_table(facts), arguments.output / "outlines.md")
    draw_contact_sheet(outlines, arguments.output / "outlines.png")
    print(facts_table(facts))


if __name__ == "__main__":
    run(main)

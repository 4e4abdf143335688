"""Outline the tumour in every real ultrasound of a folder: a contact sheet to look at, and numbers that need no truth.

python Training/studies/outline_real.py --real ../shared/data/resect --bundle SEGMENTER --output DIR

Where ``NAME-cet1-warped.nii.gz`` lies beside an ultrasound, the shipped segmenter of MR outlines the tumour in it, for
comparison. Held-out volumes are outlined, too: choose nothing by them. About ten seconds a volume on a core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import SimpleITK as sitk
from mmhvae.files import write_text
from mmhvae.images import open_image, read_volume, write_volume
from mmhvae.segmentation import UltrasoundSegmenter, load_ultrasound_segmenter, outline_ultrasound, segment_tumour
from mmhvae_training.calibration.measure import find_real
from mmhvae_training.records import write_json
from mmhvae_training.ultrasound_tumours import RealOutline, draw_contact_sheet, facts_of, facts_table


def from_mr(us: sitk.Image, cet1: Path, kept: Path, device: str) -> sitk.Image | None:
    """The tumour in a patient's ceT1 on the ultrasound's grid, kept for the next call; None without a ceT1."""
    if not cet1.is_file():
        return None
    if not kept.is_file():
        found = segment_tumour({"cet1": read_volume(cet1, "ceT1")}, reference=us, device=device)
        write_volume(found.labels, kept)
    return open_image(kept, "outline")


def outlined(path: Path, segmenter: UltrasoundSegmenter, output: Path, device: str) -> RealOutline:
    """The tumour in an ultrasound, written as NAME.nii.gz, and in its patient's ceT1."""
    us, name = read_volume(path, "ultrasound"), path.name.removesuffix("-us.nii.gz")
    found = outline_ultrasound(us, segmenter, device=device)
    write_volume(found.labels, output / f"{name}.nii.gz")
    mr = from_mr(us, path.with_name(f"{name}-cet1-warped.nii.gz"), output / f"{name}-from-mr.nii.gz", device)
    return RealOutline(us, found, mr)


def main() -> None:
    """Read the command line, outline every volume, write the outlines, the numbers and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with NAME-us.nii.gz")
    parser.add_argument("--bundle", type=Path, required=True, help="of segment.py export")
    parser.add_argument("--output", type=Path, required=True, help="receives outlines.json, .md and .png, NAME.nii.gz")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    arguments = parser.parse_args()
    segmenter, outlines = load_ultrasound_segmenter(arguments.bundle), {}
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, path in find_real(arguments.real, held_out=True).items():
        outlines[name] = outlined(path, segmenter, arguments.output, arguments.device)
        print(f"{name}: {outlines[name].found.volume_ml} ml", flush=True)
    facts = {name: facts_of(outline) for name, outline in outlines.items()}
    sha256 = segmenter.manifest.weights_sha256
    write_json({"weights_sha256": sha256, "volumes": facts}, arguments.output / "outlines.json")
    write_text(facts_table(facts), arguments.output / "outlines.md")
    draw_contact_sheet(outlines, arguments.output / "outlines.png")
    print(facts_table(facts))


if __name__ == "__main__":
    run(main)

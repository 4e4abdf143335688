"""Dice of a segmenter on patients kept for judging, by contrasts, with and without a head around the brain."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from statistics import mean

from mmhvae_training.script import run

from mmhvae.files import write_text
from mmhvae.segmentation import REGIONS, load_segmenter
from mmhvae.settings import SegmentationSettings
from mmhvae_training.segmentation import Judged, judge, named_patients, read_patient

SHOWN = ("single", "full", "all")


def contrast_sets(modalities: tuple[str, ...], which: str) -> list[tuple[str, ...]]:
    """The full set; with ``single`` also each alone, with ``all`` all non-empty subsets."""
    sizes = {"full": [len(modalities)], "single": [1, len(modalities)], "all": range(1, len(modalities) + 1)}
    return [chosen for size in sizes[which] for chosen in combinations(modalities, size)]


def table(rows: list[Judged]) -> str:
    """Mean Dice by contrasts and surroundings, as Markdown; patients in whom nothing is and was found are left out."""
    lines = ["| contrasts | head | WT | TC | ET | patients |", "| --- | --- | --- | --- | --- | --- |"]
    for contrasts, head in dict.fromkeys((row.contrasts, row.head) for row in rows):
        chosen = [row for row in rows if (row.contrasts, row.head) == (contrasts, head)]
        scores = []
        for region in REGIONS:
            known = [score for row in chosen if (score := row.dice[region]) is not None]
            scores.append(f"{mean(known):.2f}" if known else "-")
        where = "simulated" if head else "none"
        lines.append(f"| {', '.join(contrasts)} | {where} | {' | '.join(scores)} | {len(chosen)} |")
    return "\n".join(lines)


def main() -> None:
    """Judge every patient, contrasts and surroundings; write lines and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of BraTS' layout")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder for judged.jsonl and table.md")
    parser.add_argument("--contrasts", choices=SHOWN, default="single")
    parser.add_argument("--heads", action="store_true", help="with simulated surroundings, too")
    parser.add_argument("--flips", type=int, default=SegmentationSettings().flips)
    options = parser.parse_args()
    bundle, settings = load_segmenter(options.bundle), SegmentationSettings(flips=options.flips)
    modalities = bundle.network.config.modalities
    names, rows = named_patients(options.split, "judge"), []
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "judged.jsonl").open("w", encoding="utf-8") as file:
        for name in names:
            patient = read_patient(options.data / name, modalities)
            for contrasts in contrast_sets(modalities, options.contrasts):
                for head in (False, True) if options.heads else (False,):
                    rows.append(judge(bundle, patient, contrasts, head, settings)[0])
                    file.write(json.dumps(asdict(rows[-1])) + "\n")
                    file.flush()
    write_text(table(rows) + "\n", options.output / "table.md")
    print(table(rows))


if __name__ == "__main__":
    run(main)

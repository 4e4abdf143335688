"""Make a bundle of a trained segmenter: export_segmenter.py runs/segmenter DIR --card CARD.md --name "Ours"

`mmhvae weights install DIR` puts it among the installed models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmhvae_training.script import run

from mmhvae import InputError
from mmhvae.segmentation import SegmenterBundle, SegmenterManifest, TumourUNet, UNetConfig, save_segmenter
from mmhvae_training.export import read_card
from mmhvae_training.loop import CHECKPOINT, RUN, read_checkpoint

INTENDED_USE = (
    "Research and planning aid: outlines to be checked and corrected by a person. No diagnosis. "
    "Not approved for clinical use."
)


def main() -> None:
    """Read a run's averaged weights and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("folder", type=Path, help="new folder of the bundle")
    parser.add_argument("--card", type=Path, required=True, help="Markdown that goes with the weights")
    parser.add_argument("--name", default="Tumour segmenter", help="as shown to people")
    parser.add_argument("--licence", default="as its training data", help="of the weights")
    options = parser.parse_args()
    card = read_card(options.card)
    content = read_checkpoint(options.run / CHECKPOINT)
    if "crop" not in content:
        raise InputError(f"{options.run} is no run of the segmenter; give the folder of one.")
    architecture = {name: tuple(values) for name, values in content["architecture"].items()}
    network = TumourUNet(UNetConfig(**architecture))
    network.load_state_dict(content["average"])
    manifest = SegmenterManifest(
        name=options.name,
        architecture=network.config,
        spacing_mm=1.0,
        crop=tuple(content["crop"]),
        licence=options.licence,
        intended_use=INTENDED_USE,
        training=json.loads((options.run / RUN).read_text(encoding="utf-8")) | {"steps_done": content["step"]},
    )
    save_segmenter(SegmenterBundle(network.eval(), manifest, card), options.folder)
    print(f"{options.folder}: {options.name}, {content['step']} steps.")


if __name__ == "__main__":
    run(main)

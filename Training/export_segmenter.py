"""Make a bundle of a trained segmenter, or brain extractor: export_segmenter.py RUN DIR --card CARD.md --name "Ours"

`mmhvae weights install DIR` puts it among the installed models.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

from mmhvae import InputError
from mmhvae.segmentation import (
    BrainExtractor,
    BrainManifest,
    PlainUNet,
    SegmenterBundle,
    SegmenterManifest,
    TumourUNet,
    UNetConfig,
    plain_architecture,
    save_brain_extractor,
    save_segmenter,
)
from mmhvae_training.export import read_card
from mmhvae_training.loop import CHECKPOINT, read_checkpoint, read_run

INTENDED_USE = (
    "Research and planning aid: outlines to be checked and corrected by a person. No diagnosis. "
    "Not approved for clinical use."
)
#: What only a checkpoint of either kind says.
SEGMENTER, EXTRACTOR = "crop", "brain_spacing"


def main() -> None:
    """Read a run's averaged weights and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("folder", type=Path, help="new folder of the bundle")
    parser.add_argument("--card", type=Path, required=True, help="Markdown that goes with the weights")
    parser.add_argument("--name", help="as shown to people")
    parser.add_argument("--licence", default="as its training data", help="of the weights")
    options = parser.parse_args()
    card = read_card(options.card)
    content = read_checkpoint(options.run / CHECKPOINT)
    described = {
        "licence": options.licence,
        "intended_use": INTENDED_USE,
        "training": read_run(options.run) | {"steps_done": content["step"]},
    }
    if SEGMENTER in content:
        name = _save_segmenter(content, options, card, described)
    elif EXTRACTOR in content:
        name = _save_extractor(content, options, card, described)
    else:
        raise InputError(f"{options.run} is no run of a segmenter or brain extractor; give the folder of one.")
    print(f"{options.folder}: {name}, {content['step']} steps.")


def _save_segmenter(
    content: Mapping[str, Any], options: argparse.Namespace, card: str, described: dict[str, Any]
) -> str:
    architecture = {name: tuple(values) for name, values in content["architecture"].items()}
    network = TumourUNet(UNetConfig(**architecture))
    network.load_state_dict(content["average"])
    name, crop = options.name or "Tumour segmenter", tuple(content[SEGMENTER])
    manifest = SegmenterManifest(name=name, architecture=network.config, spacing_mm=1.0, crop=crop, **described)
    save_segmenter(SegmenterBundle(network.eval(), manifest, card), options.folder)
    return name


def _save_extractor(
    content: Mapping[str, Any], options: argparse.Namespace, card: str, described: dict[str, Any]
) -> str:
    network = PlainUNet(plain_architecture(content["architecture"]))
    network.load_state_dict(content["average"])
    name, spacing = options.name or "Brain extractor", content[EXTRACTOR]
    manifest = BrainManifest(name=name, architecture=network.config, spacing_mm=spacing, **described)
    save_brain_extractor(BrainExtractor(network.eval(), manifest, card), options.folder)
    return name


if __name__ == "__main__":
    run(main)

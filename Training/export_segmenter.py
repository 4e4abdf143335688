"""Make a bundle of a trained segmenter: export_segmenter.py runs/segmenter/last.pt DIR --split S.json --card C.md"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from mmhvae.segmentation import SegmenterBundle, SegmenterManifest, TumourUNet, UNetConfig, save_segmenter

INTENDED_USE = (
    "Research and planning aid: outlines to be checked and corrected by a person. No diagnosis. "
    "Not approved for clinical use."
)


def main() -> None:
    """Read the averaged weights and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", type=Path, required=True, help="JSON with the patients: train, judge")
    parser.add_argument("--card", type=Path, required=True)
    options = parser.parse_args()
    state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    network = TumourUNet(UNetConfig())
    network.load_state_dict(state["averaged"])
    manifest = SegmenterManifest(
        name="Tumour segmenter",
        architecture=network.config,
        spacing_mm=1.0,
        crop=(96, 112, 96),
        licence="MIT; learnt from BraTS 2018 and 2021 training data, to be cited as the card says",
        intended_use=INTENDED_USE,
        training={"patients": json.loads(options.split.read_text(encoding="utf-8")), "steps": state.get("step")},
    )
    save_segmenter(SegmenterBundle(network.eval(), manifest, options.card.read_text(encoding="utf-8")), options.folder)


if __name__ == "__main__":
    main()

"""Turn a training run into a bundle: the moving average of its weights, its provenance and a model card.

python Training/export.py --run runs/starter --card Training/cards/starter.md --output starter
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import torch
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.loop import CHECKPOINT, RUN

INTENDED_USE = (
    "Demonstration and tests. Trained mostly on simulations. Not for patients, not approved for clinical use."
)


def main() -> None:
    """Read the command line and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that train.py wrote")
    parser.add_argument("--weights", type=Path, help="one of the run's kept averages (default: its last)")
    parser.add_argument("--card", type=Path, required=True, help="model card, Markdown")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the bundle")
    parser.add_argument("--name", default="starter")
    parser.add_argument("--spacing", type=float, default=1.0, help="pixel spacing of the training slices, mm")
    arguments = parser.parse_args()
    checkpoint = torch.load(arguments.run / CHECKPOINT, weights_only=True)
    architecture = checkpoint["architecture"]
    config = MMHVAEConfig(**{**architecture, "modalities": tuple(architecture["modalities"])})
    network = MMHVAE(config)
    chosen = torch.load(arguments.weights, weights_only=True) if arguments.weights else checkpoint
    network.load_state_dict(chosen["average"])
    training = json.loads((arguments.run / RUN).read_text(encoding="utf-8"))
    manifest = Manifest(
        name=arguments.name,
        architecture=config,
        spacing_mm=arguments.spacing,
        licence="MIT; the model card names the data that the weights saw, and their licences",
        intended_use=INTENDED_USE,
        training={
            **training,
            "weights": (arguments.weights or Path(CHECKPOINT)).name,
            "steps_done": checkpoint["step"],
        },
    )
    card = arguments.card.read_text(encoding="utf-8")
    print(save_bundle(Bundle(network.eval(), manifest, card), arguments.output))


if __name__ == "__main__":
    main()

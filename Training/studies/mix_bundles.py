"""Mix the weights of an edition with those of one that was trained on from it.

python Training/studies/mix_bundles.py --first OLD --second NEW --share 0.5 --output MIXED

A network that was trained on gains on what it now sees and loses on what it no longer sees; between both, on a straight
line through the weights, it may keep what either has (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR
2022). That holds only where the second began with the first's weights.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import torch
from mmhvae import InputError, load_bundle
from mmhvae.bundle import Bundle, save_bundle
from mmhvae.network import MMHVAE


def mixed(first: Bundle, second: Bundle, share: float, name: str) -> Bundle:
    """``(1 - share) * first + share * second``, tensor by tensor, with the first's card; both stay as they are.

    Raises:
        InputError: the share lies outside 0 to 1, the networks differ, or one has a refinement, which fits its own
            network's images alone.
    """
    if not 0 <= share <= 1:
        raise InputError(f"--share is {share:g}; give how much of the second there shall be, from 0 to 1.")
    if first.refinement or second.refinement:
        raise InputError("A refinement fits the images of its own network alone; mix bundles without one.")
    if not first.manifest.has_network_of(second.manifest):
        raise InputError("The bundles' networks differ; mix a bundle with one that was trained on from it.")
    theirs = second.network.state_dict()
    weights = {key: torch.lerp(value, theirs[key], share) for key, value in first.network.state_dict().items()}
    network = MMHVAE(first.manifest.architecture).eval()
    network.load_state_dict(weights)
    parts = [{"share": part, "weights_sha256": bundle.manifest.weights_sha256, "training": bundle.manifest.training}
             for part, bundle in ((1 - share, first), (share, second))]  # fmt: skip
    # What was measured of the first's images, its strength, is not known of these.
    return Bundle(network, replace(first.manifest, name=name, training={"mixed_of": parts}, strength={}), first.card)


def main() -> None:
    """Read the command line, mix, write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=Path, required=True, help="bundle with whose weights the second began")
    parser.add_argument("--second", type=Path, required=True, help="bundle that was trained on from the first")
    parser.add_argument("--share", type=float, required=True, help="of the second, 0 to 1")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the bundle")
    arguments = parser.parse_args()
    bundles = load_bundle(arguments.first), load_bundle(arguments.second)
    print(save_bundle(mixed(*bundles, arguments.share, arguments.output.name), arguments.output))


if __name__ == "__main__":
    run(main)

"""Turn a training run into a bundle: the moving average of its weights, its provenance and a model card.

python Training/export.py --run runs/remind --evaluation evaluation/remind --output bundle \
    --data "ReMIND (TCIA), pre-dura iUS and pre-operative MR." --licence "Weights: CC BY 4.0, as the data."

The card is written from what the run knows of itself, unless --card gives one. --monai writes a MONAI bundle beside it.

python Training/export.py --bundle bundle --refinement runs/refinement --output refined

puts a refinement, which studies/train_refinement.py trained behind the bundle's weights, into a copy of the bundle.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

from mmhvae.bundle.bundle import Bundle, Manifest, load_bundle, save_bundle
from mmhvae.exceptions import InputError
from mmhvae.network.model import MMHVAE
from mmhvae_training.export import model_card, read_card, write_monai_bundle
from mmhvae_training.idle_options import Idle, refuse_idle
from mmhvae_training.loop import CHECKPOINT, read_run
from mmhvae_training.records import SETTINGS, read_json
from mmhvae_training.refinement import refined_bundle
from mmhvae_training.scoring import SliceScore, load_run, read_scores

INTENDED_USE = "Research on image synthesis and registration. Not for patients, not approved for clinical use."
IDLE = (
    Idle(("monai",), lambda given: given.bundle is not None, "A MONAI bundle has no place for a refinement;"),
    Idle(
        ("weights", "data", "licence", "intended-use", "evaluation"),
        lambda given: given.bundle is not None,
        "A bundle that gets a refinement stays otherwise what it is;",
    ),
    Idle(("data", "evaluation"), lambda given: given.card is not None, "Of a card that is given nothing is made;"),
)
LICENCE_WITH_CARD = "MIT; the model card names the data that the weights saw, and their licences"


def evaluated(folder: Path, facts: dict[str, Any]) -> list[SliceScore]:
    """The scores of ``evaluate.py table``, if they are of these weights."""
    if not (folder / SETTINGS).is_file():
        raise InputError(f"{folder} holds no evaluation; give a folder that 'evaluate.py table' wrote.")
    settings = read_json(folder / SETTINGS, dict, "evaluate these weights once more.")
    if settings.get("weights_sha256") != facts["weights_sha256"]:
        raise InputError(f"{folder} evaluates other weights than those to be exported; evaluate these.")
    return read_scores(folder)


def refined(arguments: argparse.Namespace) -> Bundle:
    """A bundle with its refinement; its card is kept unless another is given.

    Raises:
        InputError: the run is none of a refinement behind the bundle.
    """
    bundle = refined_bundle(load_bundle(arguments.bundle), arguments.refinement)
    bundle = replace(bundle, manifest=replace(bundle.manifest, name=arguments.name or bundle.manifest.name))
    return replace(bundle, card=read_card(arguments.card)) if arguments.card else bundle


def make_bundle(arguments: argparse.Namespace) -> Bundle:
    """Network, manifest and card of the run."""
    trained, spacing, facts = load_run(arguments.run, arguments.weights)
    if facts["ablation"]:
        raise InputError(f"{arguments.run} trained an ablation, which no bundle can hold; export another run.")
    network = MMHVAE(trained.config).eval()  # as users load it: training's own has faster layers
    network.load_state_dict(trained.state_dict())
    run = read_run(arguments.run)
    name, use, scores = arguments.name or facts["run"], arguments.intended_use or INTENDED_USE, None
    if arguments.evaluation:
        scores = evaluated(arguments.evaluation, facts)
    manifest = Manifest(
        name=name,
        architecture=network.config,
        spacing_mm=spacing,
        licence=arguments.licence or LICENCE_WITH_CARD,
        intended_use=use,
        training={**run, "weights": (arguments.weights or Path(CHECKPOINT)).name, "steps_done": facts["step"]},
    )
    if arguments.card:
        return Bundle(network, manifest, read_card(arguments.card))
    if not (arguments.data and arguments.licence):
        raise InputError("A model card needs --data (which data, from where) and --licence; or give --card.")
    card = model_card(name, network, spacing, run, facts, arguments.data, arguments.licence, use, scores)
    return Bundle(network, manifest, card)


def main() -> None:
    """Read the command line and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="folder that train.py wrote")
    parser.add_argument("--bundle", type=Path, help="with --refinement, instead of --run: the bundle that gets it")
    parser.add_argument("--refinement", type=Path, help="folder that studies/train_refinement.py wrote")
    parser.add_argument("--weights", type=Path, help="one of the run's kept averages (default: its last)")
    parser.add_argument("--name", help="of the bundle; default: the run's folder")
    parser.add_argument("--data", help="one or two sentences: which data the weights saw, and where they come from")
    parser.add_argument("--licence", help="of the weights")
    parser.add_argument("--intended-use", help=f"default: {INTENDED_USE}")
    parser.add_argument("--evaluation", type=Path, help="folder that evaluate.py table wrote for these weights")
    parser.add_argument("--card", type=Path, help="a model card in Markdown, instead of the one that is made")
    parser.add_argument("--monai", type=Path, help="new folder for a MONAI bundle of the same weights")
    parser.add_argument(
        "--half-precision", action="store_true",
        help="store float16; Testing/acceptance/half_precision.py says whether that changes anything",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="new folder for the bundle")
    arguments = parser.parse_args()
    given = [value is not None for value in (arguments.run, arguments.bundle, arguments.refinement)]
    if given not in ([True, False, False], [False, True, True]):
        raise InputError("Give --run, or --bundle and --refinement together.")
    refuse_idle(arguments, IDLE)
    bundle = refined(arguments) if arguments.refinement else make_bundle(arguments)
    print(save_bundle(bundle, arguments.output, arguments.half_precision))
    if arguments.monai:
        print(write_monai_bundle(bundle, arguments.monai))


if __name__ == "__main__":
    run(main)

"""Tumours in intraoperative ultrasound: train on a data set, outline, judge, export.

python Training/segment.py train --engine small --data nnunet/Dataset101_MMHVAE --fold 0 --output runs/mmhvae
python Training/segment.py train --engine nnunet --data nnunet/Dataset101_MMHVAE --fold 0 --device cuda \\
    --output nnunet/work
python Training/segment.py predict --model runs/mmhvae/fold_0 --model runs/mmhvae/fold_1 --layout resect-seg \\
    --source RESECT --labels RESECT_segmentation --output outlines/mmhvae
python Training/segment.py export --model runs/mmhvae/fold_0 --bundle mmhvae --card card.md
python Training/segment.py evaluate outlines/mmhvae outlines/resvit --layout resect-seg --source RESECT \\
    --labels RESECT_segmentation --output table4

``train`` goes on where a fold was stopped; one call a fold. Further options of the small network are settings, such as
``--optimisation.steps 500``. Several models outline by the mean of what they find.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae.compute import choose_device
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.images import read_volume, write_volume
from mmhvae.overlays import read_segmentation
from mmhvae.segmentation import save_ultrasound_segmenter
from mmhvae.settings import OutlineSettings
from mmhvae_training.device_option import add_device
from mmhvae_training.export import read_card
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.loop import Prepared, TrainingScript, checksum_of
from mmhvae_training.number_options import natural, positive
from mmhvae_training.records import require_same_cases, require_same_settings, write_json
from mmhvae_training.single_precision import outline_ultrasound
from mmhvae_training.ultrasound_tumours import (
    CONFIGURATIONS,
    LAYOUTS,
    LICENCE,
    LabelledUltrasound,
    NNUNet,
    SmallConfiguration,
    SmallMethod,
    export_zip,
    file_checksums,
    find_cases,
    is_nnunet_model,
    load_trained,
    new_small_state,
    predict_with_nnunet,
    read_data_set,
    read_examples,
    read_label,
    score_outline,
    scores_rows,
    scores_table,
)


def prepare(configuration: SmallConfiguration, fabric: Fabric, limit: int | None) -> Prepared:
    """The small network and its fold's cases."""
    data = read_data_set(configuration.data.folder)
    cases = data.fold(configuration.data.fold)["train"][:limit]
    examples = read_examples(data, cases, configuration.data.spacing)
    fabric.print(f"{len(examples)} cases of {len({data.heads[case] for case in cases})} heads", flush=True)
    method = SmallMethod(configuration, new_small_state(configuration, fabric), examples)
    return Prepared(method, {"cases": cases})


TRAIN_SMALL = TrainingScript(
    program="segment.py",
    about="Train the small network for tumours in ultrasound; see Training/README.md.",
    kind=SmallConfiguration,
    same=("data", "architecture", "optimisation", "seed"),
    prepare=prepare,
)
PROCESSES = 1  # beside nnU-Net's own
IDLE_IN_TRAINING = (
    Idle(
        ("configuration", "epochs", "iterations", "processes"),
        lambda given: given.engine != "nnunet",
        "That belongs to --engine nnunet; give that, or",
    ),
)
IDLE_OF_CASES = (
    Idle(("fold",), lambda given: given.layout != "nnunet", "Only --layout nnunet has folds; give that, or"),
    Idle(
        ("labels",),
        lambda given: given.layout != "resect-seg",
        "--labels belongs to --layout resect-seg; give that, or",
    ),
)
IDLE_IN_PREDICTION = (
    *IDLE_OF_CASES,
    Idle(("plain",), lambda given: not is_nnunet_model(given.model[0]), "The small network is plain by itself;"),
)
IDLE_IN_EXPORT = (
    Idle(("card", "licence"), lambda given: given.bundle is None, "nnU-Net's zip has no card; give --bundle, or"),
)


def train(arguments: argparse.Namespace, settings: Sequence[str]) -> None:
    """Train a fold by the engine that was asked for."""
    fill_in(arguments, configuration=CONFIGURATIONS[0], processes=PROCESSES)
    if arguments.engine == "small":
        if arguments.device != "auto":
            settings = ["--device.accelerator", arguments.device, *settings]
        run = arguments.output / f"fold_{arguments.fold}"
        given = ["--data.folder", arguments.data, "--data.fold", arguments.fold, "--run", run, *settings]
        TRAIN_SMALL.main([str(each) for each in given])
        return
    if settings:
        raise InputError(f"{settings[0]} is no option of nnU-Net's engine; see segment.py train --help.")
    device = str(choose_device(arguments.device))
    engine = NNUNet(
        read_data_set(arguments.data), arguments.output, arguments.configuration, device, arguments.processes
    )
    engine.prepare()
    engine.plan()
    engine.train(arguments.fold, arguments.epochs, arguments.iterations)
    print(f"{engine.model / f'fold_{arguments.fold}'} is trained.")


def predict(arguments: argparse.Namespace) -> None:
    """Outline the tumour in every case of a layout; what was outlined before, by the same weights, stays."""
    cases, models, output = cases_of(arguments), arguments.model, arguments.output
    begun = any(output.glob("*.nii.gz"))
    if is_nnunet_model(models[0]) and not arguments.plain:
        if len(models) > 1:
            raise InputError("nnU-Net's folds lie in one folder; give one --model.")
        device = str(choose_device(arguments.device))
        mirrored = arguments.flips > 1
        require_same_settings(output, {"weights": file_checksums(models[0]), "mirrored": mirrored}, begun)
        require_same_ultrasound(output, cases)
        predict_with_nnunet(models[0], cases, output, device, mirrored)
        return
    segmenter, settings = load_trained(models), OutlineSettings(flips=arguments.flips)
    weights = [checksum_of(network.state_dict()) for network in segmenter.networks]
    require_same_settings(output, {"weights": weights, "flips": settings.flips}, begun)
    require_same_ultrasound(output, cases)
    for case in cases:
        path = output / f"{case.name}.nii.gz"
        if not path.exists():
            image = read_volume(case.image, "ultrasound")
            write_volume(outline_ultrasound(image, segmenter, settings=settings, device=arguments.device).labels, path)
        print(path, flush=True)


def require_same_ultrasound(output: Path, cases: Sequence[LabelledUltrasound]) -> None:
    """See that outlines which are there are of these cases' images."""
    done = (path.name.removesuffix(".nii.gz") for path in output.glob("*.nii.gz"))
    require_same_cases(output, {case.name: [case.image] for case in cases}, done)


def evaluate(arguments: argparse.Namespace) -> None:
    """Score every folder of outlines; ``scores.json`` and ``table.md``."""
    names = [folder.resolve().name for folder in arguments.outlines]
    if len(set(names)) < len(names):
        raise InputError("Two folders of outlines have the same name; rename one, it names its method.")
    rows = []
    for case in cases_of(arguments):
        truth = read_segmentation(case.label).mask
        for name, folder in zip(names, arguments.outlines, strict=True):
            path = folder / f"{case.name}.nii.gz"
            if not path.is_file():
                raise InputError(f"There is no {path}; outline this case with segment.py predict.")
            rows.append(score_outline(name, case.name, read_label(path), truth))
        print(case.name, flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(scores_rows(rows), arguments.output / "scores.json")
    text = scores_table(rows)
    write_text(text, arguments.output / "table.md")
    print(text)


def export(arguments: argparse.Namespace) -> None:
    """Write a bundle for this software, and the zip that nnU-Net's own users install."""
    if arguments.bundle is None and arguments.zip is None:
        raise InputError("Nothing was asked for; give --bundle, --zip or both.")
    if arguments.zip is not None:
        if not is_nnunet_model(arguments.model[0]):
            raise InputError(f"{arguments.model[0]} holds no fold that nnU-Net trained; leave out --zip.")
        if len(arguments.model) > 1:
            raise InputError("nnU-Net's folds lie in one folder; give one --model.")
        export_zip(arguments.model[0], arguments.zip)
        print(arguments.zip)
    if arguments.bundle is not None:
        if arguments.card is None:
            raise InputError("A bundle needs a card that says what it is good for; give --card FILE.md.")
        card = read_card(arguments.card)
        save_ultrasound_segmenter(load_trained(arguments.model, arguments.licence or LICENCE, card), arguments.bundle)
        print(arguments.bundle)


def cases_of(arguments: argparse.Namespace) -> list[LabelledUltrasound]:
    """Those of the layout that was named."""
    return find_cases(arguments.layout, arguments.source, arguments.labels, arguments.fold or 0)


def parser() -> argparse.ArgumentParser:
    """The four commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--layout", choices=LAYOUTS, default="nnunet", help="of the ultrasound and its labels")
    common.add_argument("--source", type=Path, required=True, help="folder of the data set")
    common.add_argument("--labels", type=Path, help="resect-seg: folder of the label maps (default: the source)")
    common.add_argument("--fold", type=natural, help="nnunet: whose cases for validation are meant (default 0)")
    common.add_argument("--output", type=Path, required=True)
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(required=True, metavar="train|predict|evaluate|export", dest="command")
    training = commands.add_parser("train", help="one fold", allow_abbrev=False)
    training.add_argument("--engine", choices=("small", "nnunet"), required=True)
    training.add_argument("--data", type=Path, required=True, help="folder of make_segmentation_dataset.py")
    training.add_argument("--fold", type=natural, required=True)
    add_device(training)
    training.add_argument("--output", type=Path, required=True, help="small: fold_K in it; nnunet: its work")
    configuration = f"of nnU-Net (default {CONFIGURATIONS[0]})"
    training.add_argument("--configuration", choices=CONFIGURATIONS, help=configuration)
    training.add_argument("--epochs", type=positive, help="of nnU-Net (default: its 1000)")
    training.add_argument("--iterations", type=positive, help="of nnU-Net's epochs (default: its 250)")
    training.add_argument("--processes", type=positive, help=f"beside nnU-Net's own (default {PROCESSES})")
    training.set_defaults(idle=IDLE_IN_TRAINING)
    predicting = commands.add_parser("predict", parents=[common], help="outline the tumour in ultrasound")
    predicting.add_argument("--model", type=Path, action="append", required=True, help="run, or nnU-Net's folder")
    add_device(predicting)
    predicting.add_argument("--plain", action="store_true", help="nnU-Net's folds by our own network, without nnU-Net")
    flips = "mirrored views; nnU-Net itself: 1 or all"
    predicting.add_argument("--flips", type=int, default=OutlineSettings().flips, help=flips)
    predicting.set_defaults(run=predict, idle=IDLE_IN_PREDICTION)
    evaluating = commands.add_parser("evaluate", parents=[common], help="Dice, surface distance, paired tests")
    evaluating.add_argument("outlines", type=Path, nargs="+", help="folders that predict wrote, named by method")
    evaluating.set_defaults(run=evaluate, idle=IDLE_OF_CASES)
    exporting = commands.add_parser("export", help="for this software, and for nnU-Net's own users")
    exporting.add_argument("--model", type=Path, action="append", required=True, help="run, or nnU-Net's folder")
    exporting.add_argument("--bundle", type=Path, help="new folder of a bundle")
    exporting.add_argument("--card", type=Path, help="Markdown that goes with it")
    exporting.add_argument("--licence", help=f"of the weights (default: {LICENCE})")
    exporting.add_argument("--zip", type=Path, help="new file that nnU-Net's own users install")
    exporting.set_defaults(run=export, idle=IDLE_IN_EXPORT)
    return top


def main() -> None:
    """Read the command line and run the command."""
    arguments, others = parser().parse_known_args()
    refuse_idle(arguments, arguments.idle)
    if arguments.command == "train":
        train(arguments, others)
    elif others:
        raise InputError(f"segment.py {arguments.command} knows no {others[0]}; see its --help.")
    else:
        arguments.run(arguments)


if __name__ == "__main__":
    run(main)

"""What each method costs at 192 x 192 pixels, one slice at a time: parameters, multiplications, seconds.

python Training/studies/measure_methods.py --output costs.json
python Training/studies/measure_methods.py --methods mmhvae resvit --inputs us --size small
python Training/studies/measure_methods.py --run runs/methods/mmhvae/seed-1 --run runs/methods/resvit/seed-1

All methods run as torch runs them, from fresh weights, which cost what trained ones do; ``mmhvae, prepared`` is the
network as the extension runs it. Runs are measured at their own size, under their methods' names. Times hold for this
machine and what else it did.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import torch
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig, prepared
from mmhvae_training.baselines import (
    METHODS,
    Cost,
    MMHVAESynthesiser,
    cost_of,
    new_baseline,
    settings_of,
)
from mmhvae_training.configuration import VariantConfig
from mmhvae_training.networks import build_network
from mmhvae_training.records import write_json
from mmhvae_training.scoring import RunVolumes, name_of_run, volumes_of_run

MODALITIES = MMHVAEConfig().modalities
PREPARED = "mmhvae, prepared"
#: Name -> the network of MMHVAE or of the paper's ablations of it.
NETWORKS: dict[str, Callable[[], MMHVAE]] = {
    "mmhvae": lambda: MMHVAE(MMHVAEConfig()),
    "mopoe": lambda: build_network(MMHVAEConfig(), VariantConfig(groups=(7,))),
    "mhvae": lambda: MMHVAE(MMHVAEConfig(modalities=("us", "t2"))),
}
NAMES = (*NETWORKS, PREPARED, *METHODS)


def measured(name: str, arguments: argparse.Namespace) -> Cost:
    """Cost of the method ``name``."""
    device = torch.device(arguments.device)
    if name in METHODS:
        side = None if arguments.size == "original" else arguments.side
        method = new_baseline(settings_of(name, arguments.size, side), MODALITIES)
        method.network.to(device)
        return cost_of(method, method.network, arguments.inputs, MODALITIES, arguments.side, arguments.repeats)
    network = NETWORKS["mmhvae" if name == PREPARED else name]().to(device)
    network = prepared(network, device) if name == PREPARED else network
    inputs = [modality for modality in arguments.inputs if modality in network.config.modalities]
    synthesiser = MMHVAESynthesiser(network)
    return cost_of(synthesiser, network, inputs, network.config.modalities, arguments.side, arguments.repeats)


def measured_run(run: RunVolumes, arguments: argparse.Namespace) -> Cost:
    """Cost of a trained network, for slices of its own size."""
    inputs = [modality for modality in arguments.inputs if modality in run.modalities]
    network = run.synthesiser.network
    return cost_of(run.synthesiser, network, inputs, run.modalities, run.side, arguments.repeats)


def table(costs: dict[str, Cost]) -> str:
    """Markdown."""
    rows = [
        f"| {name} | {cost.parameters / 1e6:.2f} M | {cost.gmacs:.2f} | {cost.seconds:.3f} |"
        for name, cost in costs.items()
    ]
    return "\n".join(["| method | parameters | GMACs | seconds a slice |", "|---|---|---|---|", *rows])


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=NAMES, help="default: all, unless runs are given")
    parser.add_argument("--run", type=Path, action="append", default=[], help="of train.py or train_baseline.py")
    parser.add_argument("--inputs", nargs="+", default=MODALITIES, choices=MODALITIES, help="default: all")
    parser.add_argument("--size", choices=("original", "small"), default="original", help="of MM-GAN, ResViT and M2DN")
    parser.add_argument("--side", type=int, default=192, help="pixels; MMHVAE's networks here are of 192")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    if arguments.repeats < 1 or arguments.threads < 1:
        raise InputError("Give 1 or more --repeats and --threads.")
    torch.set_num_threads(arguments.threads)
    costs = {}
    for name in arguments.methods or (() if arguments.run else NAMES):
        costs[name] = measured(name, arguments)
        print(f"{name}: {costs[name].seconds:.3f} s", flush=True)
    for folder in arguments.run:
        name = name_of_run(folder).split("/")[0]
        costs[name] = measured_run(volumes_of_run(folder, arguments.device), arguments)
        print(f"{name}: {costs[name].seconds:.3f} s", flush=True)
    print(table(costs))
    if arguments.output:
        machine = {"device": arguments.device, "threads": arguments.threads, "machine": platform.machine()}
        asked = {"inputs": list(arguments.inputs), "size": arguments.size, "side": arguments.side}
        costs_of = {name: asdict(cost) for name, cost in costs.items()}
        write_json({**machine, "torch": torch.__version__, **asked, "costs": costs_of}, arguments.output)


if __name__ == "__main__":
    run(main)

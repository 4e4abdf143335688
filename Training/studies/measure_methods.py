"""What each method costs, one slice at a time: parameters, multiplications, seconds; of the paper's size by default.

python Training/studies/measure_methods.py --output costs.json
python Training/studies/measure_methods.py --methods mmhvae resvit --inputs us --size small
python Training/studies/measure_methods.py --run runs/methods/mmhvae/seed-1 --run runs/methods/resvit/seed-1

All methods run as torch runs them, from fresh weights, which cost what trained ones do; ``mmhvae, prepared`` is the
network as the extension runs it. Runs are measured at their own size and for slices of their own side, under their
methods' names; --size and --side are those of methods beside them. Every cost in the JSON tells its side and what it is
of. Times hold for this machine and what else it did.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.networks import build_network
from mmhvae_training.number_options import positive
from mmhvae_training.records import write_json
from mmhvae_training.scoring import SIDE, RunVolumes, name_of_run, volumes_of_run

MODALITIES = MMHVAEConfig().modalities
PREPARED = "mmhvae, prepared"
#: Name -> the network of MMHVAE or of the paper's ablations of it.
NETWORKS: dict[str, Callable[[], MMHVAE]] = {
    "mmhvae": lambda: MMHVAE(MMHVAEConfig()),
    "mopoe": lambda: build_network(MMHVAEConfig(), VariantConfig(groups=(7,))),
    "mhvae": lambda: MMHVAE(MMHVAEConfig(modalities=("us", "t2"))),
}
NAMES = (*NETWORKS, PREPARED, *METHODS)
ORIGINAL, SMALL, RUN = "original", "small", "run"
IDLE = (
    Idle(
        ("size",),
        lambda given: not set(_methods(given)) & set(METHODS),
        f"Only {', '.join(METHODS)} have two sizes; name one of them as --methods, or",
    ),
    Idle(("side",), lambda given: not _methods(given), "Runs are measured at their own size;"),
)


@dataclass(frozen=True)
class Measured:
    """A cost, and of what: a network of the size ``original`` or ``small``, or that of a trained ``run``."""

    size: str
    cost: Cost

    def described(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"size": self.size, **asdict(self.cost)}


def _methods(arguments: argparse.Namespace) -> Sequence[str]:
    """Those that are to be measured beside runs."""
    return arguments.methods or (() if arguments.run else NAMES)


def measured(name: str, arguments: argparse.Namespace) -> Measured:
    """Cost of the method ``name``; MMHVAE and its kin have their original size alone."""
    device = torch.device(arguments.device)
    if name in METHODS:
        side = None if arguments.size == ORIGINAL else arguments.side
        method = new_baseline(settings_of(name, arguments.size, side), MODALITIES)
        method.network.to(device)
        cost = cost_of(method, method.network, arguments.inputs, MODALITIES, arguments.side, arguments.repeats)
        return Measured(arguments.size, cost)
    network = NETWORKS["mmhvae" if name == PREPARED else name]().to(device)
    network = prepared(network, device) if name == PREPARED else network
    inputs = [modality for modality in arguments.inputs if modality in network.config.modalities]
    synthesiser = MMHVAESynthesiser(network)
    cost = cost_of(synthesiser, network, inputs, network.config.modalities, arguments.side, arguments.repeats)
    return Measured(ORIGINAL, cost)


def measured_run(run: RunVolumes, arguments: argparse.Namespace) -> Measured:
    """Cost of a trained network, for slices of its own size."""
    inputs = [modality for modality in arguments.inputs if modality in run.modalities]
    network = run.synthesiser.network
    cost = cost_of(run.synthesiser, network, inputs, run.modalities, run.side, arguments.repeats)
    return Measured(RUN, cost)


def require_names_of_their_own(names: Sequence[str]) -> None:
    """Before anything is measured: costs are kept by name, and one would replace another."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise InputError(
            f"Two of the methods and runs are named {twice[0]}, and one's costs would replace the other's; give one of "
            "them, or measure them one at a time, each into an --output of its own."
        )


def table(found: dict[str, Measured]) -> str:
    """Markdown."""
    lines = ["| method | size | side (pixels) | parameters | GMACs | seconds a slice |", "|---|---|---|---|---|---|"]
    for name, of_one in found.items():
        cost = of_one.cost
        numbers = f"{cost.parameters / 1e6:.2f} M | {cost.gmacs:.2f} | {cost.seconds:.3f}"
        lines.append(f"| {name} | {of_one.size} | {cost.side} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=NAMES, help="default: all, unless runs are given")
    parser.add_argument("--run", type=Path, action="append", default=[], help="of train.py or train_baseline.py")
    parser.add_argument("--inputs", nargs="+", default=MODALITIES, choices=MODALITIES, help="default: all")
    parser.add_argument("--size", choices=(ORIGINAL, SMALL), help=f"of MM-GAN, ResViT and M2DN (default {ORIGINAL})")
    side = f"pixels; not of runs; MMHVAE's networks here are of {SIDE} (default {SIDE})"
    parser.add_argument("--side", type=positive, help=side)
    parser.add_argument("--repeats", type=positive, default=5)
    add_device(parser)
    parser.add_argument("--threads", type=positive, default=torch.get_num_threads())
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, size=ORIGINAL, side=SIDE)
    arguments.device = device_of_table(arguments.device)
    torch.set_num_threads(arguments.threads)
    methods = _methods(arguments)
    runs = [(name_of_run(folder).split("/")[0], folder) for folder in arguments.run]
    fixed = [name for name in methods if name not in METHODS]
    if fixed and arguments.side != SIDE:
        raise InputError(f"{fixed[0]} is of {SIDE} pixels here; leave out --side, or {fixed[0]}.")
    require_names_of_their_own([*methods, *(name for name, _ in runs)])
    found: dict[str, Measured] = {}
    for name in methods:
        found[name] = measured(name, arguments)
        print(f"{name}: {found[name].cost.seconds:.3f} s", flush=True)
    for name, folder in runs:
        found[name] = measured_run(volumes_of_run(folder, arguments.device), arguments)
        print(f"{name}: {found[name].cost.seconds:.3f} s", flush=True)
    print(table(found))
    if arguments.output:
        machine = {"device": arguments.device, "threads": arguments.threads, "machine": platform.machine()}
        asked = {"torch": torch.__version__, "inputs": list(arguments.inputs)}
        costs = {name: of_one.described() for name, of_one in found.items()}
        write_json({**machine, **asked, "costs": costs}, arguments.output)


if __name__ == "__main__":
    run(main)

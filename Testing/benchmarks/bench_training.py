"""One training step of the paper's network, beside a plain one that encodes every subset anew.

Run it as ``python Testing/benchmarks/bench_training.py``; it prints Markdown. Both steps see the same slices of four
modalities, the same T = 3 subsets (all observed, iUS alone, T2 with FLAIR), the same noise, and update the weights with
Adamax; the adversarial term, which costs both the same, is left out. "Plain" calls the network once a subset, adds up
the losses and goes backward once, with torch's own convolutions. "Ours" is what ``train.py`` runs: encoders once, each
pass backward by itself. They take turns, round after round; trust the ratio more than the seconds. On a CPU with
several cores ``train.py`` itself is timed then, with one process and with one a core: ``training_processes.py``.

Peak memory is what two steps need above the built network: see ``bench_network.py``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import argparse
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MMHVAESynthesis"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

import training_processes
from bench_network import machine, sector, textured
from lightning_fabric import Fabric
from mmhvae.compute.devices import choose_device
from mmhvae.network.model import BACKGROUND, MMHVAE
from mmhvae_training.configuration import AdversarialConfig, Configuration, DataConfig, LossConfig
from mmhvae_training.data import Batch
from mmhvae_training.loop import Schedule, TrainingState, apply_gradients, new_state, update_network
from mmhvae_training.objective import Pass, draw_pass, image_loss

SUBSETS = (("us", "t2", "cet1", "flair"), ("us",), ("t2", "flair"))
GOAL = 1.3
Step = Callable[[], dict[str, float]]


def configuration(batch_size: int) -> Configuration:
    """The paper's network with our defaults, KL at full weight, no discriminators."""
    data = DataConfig(cases=Path(), batch_size=batch_size)
    return Configuration(run=Path(), data=data, loss=LossConfig(kl_warmup=0), adversarial=AdversarialConfig(weight=0))


def slices(config: Configuration) -> Batch:
    """Smooth textures in the field of view of a probe: (B, 1, 192, 192) of every modality."""
    mask = sector(config.architecture.image_size).expand(config.data.batch_size, -1, -1, -1)
    generator = torch.Generator().manual_seed(1)
    images = {name: textured(mask, generator) for name in config.architecture.modalities}
    return Batch(images, images, mask)


def passes(config: Configuration, state: TrainingState) -> list[Pass]:
    """The three subsets with their noise."""
    size, mixture = config.data.batch_size, config.mixture
    return [draw_pass(s, size, config.architecture, mixture, state.rng, state.noise) for s in SUBSETS]


def our_step(fabric: Fabric, config: Configuration) -> Step:
    """A step as train.py makes it."""
    state = new_state(config, fabric)
    batch, drawn = slices(config).to(fabric.device), passes(config, state)
    phase = Schedule(config, 1).at(0)

    def step() -> dict[str, float]:
        losses, _ = update_network(fabric, state, batch, drawn, phase, config, ())
        apply_gradients(fabric, state, None)
        return {name: float(losses[name]) for name in ("image", "kl")}

    return step


def plain_step(fabric: Fabric, config: Configuration) -> Step:
    """The same step written down directly: one call of the network a subset."""
    drawn, batch = passes(config, new_state(config, fabric)), slices(config).to(fabric.device)
    torch.manual_seed(config.seed)
    network = MMHVAE(config.architecture).to(fabric.device)
    optimiser = torch.optim.Adamax(network.parameters(), config.optimisation.learning_rate)
    values = batch.mask[0].numel() * len(batch.inputs)

    def step() -> dict[str, float]:
        optimiser.zero_grad()
        images, kls = [], []
        for chosen in drawn:
            inputs = {name: batch.inputs[name] for name in chosen.subset}
            output = network(inputs, mask=batch.mask, temperature=1.0, noise=chosen.noise, compute_kl=True)
            assert output.kl is not None
            losses = [
                image_loss(torch.where(batch.mask, image, BACKGROUND), batch.targets[name], batch.mask, "l1", 0.0)
                for name, image in output.images.items()
            ]
            images.append(torch.stack(losses).mean())
            kls.append(output.kl.mean() / values)
        image, kl = torch.stack(images), torch.stack(kls)
        (image.sum() + config.loss.kl_weight * kl.sum()).backward()
        optimiser.step()
        return {"image": image.mean().item(), "kl": kl.mean().item()}

    return step


STEPS: dict[str, Callable[[Fabric, Configuration], Step]] = {"plain": plain_step, "ours": our_step}


def growth(name: str, batch_size: int, device: str, threads: int) -> float:
    """Peak MiB of two steps, in a process of its own."""
    torch.set_num_threads(threads)
    fabric = Fabric(accelerator=device, devices=1)
    step = STEPS[name](fabric, configuration(batch_size))
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        for _ in range(2):
            step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        step()
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit / 2**20


def peaks(batch_size: int, device: str, threads: int) -> dict[str, float]:
    """Peak memory of each way; to be called while this process is small, see ``bench_network.memory_on_cpu``."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = pool.starmap(growth, [(name, batch_size, device, threads) for name in STEPS], chunksize=1)
    return dict(zip(STEPS, found, strict=True))


def seconds(step: Step) -> float:
    """Wall-clock time of a step; its losses are read, so that a GPU has finished."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def main() -> None:
    """Measure memory, agreement, then time in turns; print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=1, help="slices a step (the paper's 16 cut to fit; default 1)")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU (default: torch's)")
    parser.add_argument("--steps", type=int, default=12, help="of train.py in each of its runs; 0: not timed")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    memory = peaks(arguments.batch, device.type, arguments.threads)
    torch.set_num_threads(arguments.threads)
    fabric = Fabric(accelerator=device.type, devices=1)
    steps = {name: make(fabric, configuration(arguments.batch)) for name, make in STEPS.items()}
    first = {name: step() for name, step in steps.items()}  # warms up, too
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(arguments.rounds):
        for name in steps if turn % 2 == 0 else reversed(steps):
            times[name].append(seconds(steps[name]))
    ratio = statistics.median(p / o for p, o in zip(times["plain"], times["ours"], strict=True))
    off = max(abs(first["plain"][key] - first["ours"][key]) for key in first["plain"])
    print(f"{machine(device, arguments.threads, arguments.rounds)}\n")
    print("| training step | slices | s, median | minimum | peak MiB |\n|---|--:|--:|--:|--:|")
    for name, own in times.items():
        print(f"| {name} | {arguments.batch} | {statistics.median(own):.2f} | {min(own):.2f} | {memory[name]:.0f} |")
    met = "met" if ratio >= GOAL and memory["ours"] <= memory["plain"] else "missed"
    print(f"\n- Ours is {ratio:.2f} times as fast as plain (median of the rounds; goal {GOAL:g}) and needs")
    print(f"  {memory['ours'] / memory['plain']:.2f} times its memory (goal: no more): {met}.")
    print(f"- Largest difference of the first step's losses: {off:.1e}.")
    if device.type == "cpu" and arguments.threads > 1 and arguments.steps:
        print(f"\n{training_processes.report(arguments.rounds, arguments.steps)}")


if __name__ == "__main__":
    main()

"""Time and memory of the full-size network, beside a plain float32 pass of the same network that decodes everything.

Run it as ``python Testing/benchmarks/bench_network.py``; it prints Markdown. The weights are random, in evaluation
mode. Every variant gets the same images, mask and noise, and the variants take turns, round after round, so that
other work on a shared machine slows all of them alike. Trust the ratios more than the milliseconds. "Plain" is the
network's own forward pass as torch runs it; "ours" is what ``mmhvae.synthesize`` runs: only the targets asked for, by
the network prepared for inference, in a process that keeps the memory that tensors leave; on a CPU slices side by side,
one thread each.

Peak memory is what a pass needs above the built network and its inputs: on CUDA the peak that torch allocated, on a
CPU the growth of the process's largest resident size (``ru_maxrss``, Linux and macOS) in a fresh process of its own.
"""

from __future__ import annotations

import os

# Threads that spin while they wait make shared cores many times slower; OpenMP reads this once, when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import multiprocessing
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MMHVAESynthesis"))

from mmhvae import InputError
from mmhvae.compute.devices import choose_device, half_precision
from mmhvae.compute.heap import kept_heap
from mmhvae.compute.threads import Still, side_by_side
from mmhvae.network.batches import slices_per_batch
from mmhvae.network.inference import computing, prepared
from mmhvae.network.model import BACKGROUND, MMHVAE, MMHVAEConfig
from mmhvae.synthesis.synthesis import PRECISION_TOLERANCE

CONFIG = MMHVAEConfig()
EVERYTHING = CONFIG.modalities
#: Row title -> modalities in, modalities out.
TASKS = {
    "iUS → T2": (("us",), ("t2",)),
    "iUS → all four": (("us",), EVERYTHING),
    "all four → all four": (EVERYTHING, EVERYTHING),
}
TEMPERATURE = 0.5  # the paper's
OUTPUT_RANGE = 2.0  # images lie in [-1, 1]
ROUNDS_SIDE_BY_SIDE = 2  # slices that a thread takes, one after the other
PLAIN_BATCHES_ON_CPU = (1, 4)  # larger tensors leave the caches, so that the batch size matters there
FLOAT32_GOAL, REDUCED_GOAL = 2.0, 2.5  # times as fast as the plain pass, iUS -> T2


@dataclass(frozen=True)
class Variant:
    """One row of the table: a way to run one task."""

    task: str
    plain: bool  # decodes everything, whatever the task asks for
    batch: int  # slices; on a CPU ours takes them side by side
    dtype: torch.dtype = torch.float32

    @property
    def inputs(self) -> tuple[str, ...]:
        return TASKS[self.task][0]

    @property
    def targets(self) -> tuple[str, ...]:
        return EVERYTHING if self.plain else TASKS[self.task][1]

    @property
    def title(self) -> str:
        return f"{'plain' if self.plain else 'ours'} {str(self.dtype).removeprefix('torch.')}"


@dataclass(frozen=True)
class Fixture:
    """The network and what it is fed: images and mask (B, 1, H, W), noise a level (1, ...)."""

    network: MMHVAE
    images: dict[str, Tensor]
    mask: Tensor
    noise: tuple[Tensor, ...]
    device: torch.device
    ready: dict[torch.dtype, MMHVAE] = field(default_factory=dict)

    @classmethod
    def build(cls, device: torch.device, batch: int) -> Fixture:
        """The same on every call: weights, then images, then noise are drawn from fixed seeds on the CPU."""
        torch.manual_seed(0)
        network = MMHVAE(CONFIG).eval()
        generator = torch.Generator().manual_seed(1)
        noise = tuple(torch.randn(1, *shape, generator=generator).to(device) for shape in CONFIG.latent_shapes)
        mask = sector(CONFIG.image_size).expand(batch, -1, -1, -1)  # (B, 1, H, W)
        images = {name: textured(mask, generator).to(device) for name in CONFIG.modalities}
        return cls(network.to(device), images, mask.to(device), noise, device)

    @torch.inference_mode()
    def run(self, variant: Variant) -> dict[str, Tensor]:
        """One pass: target -> (B, 1, H, W) in [-1, 1]."""
        inputs = {name: self.images[name][: variant.batch] for name in variant.inputs}
        mask = self.mask[: variant.batch]
        network = self.network if variant.plain else self.prepared(variant.dtype)
        if variant.plain or self.device.type != "cpu":
            with computing(self.device, variant.dtype):
                return network(inputs, variant.targets, TEMPERATURE, mask, noise=self.noise).images
        slices = dict(side_by_side(self.one_slice(network, inputs, variant), range(variant.batch), threads(), _silent))
        return {name: torch.cat([slices[i][name] for i in range(variant.batch)]) for name in variant.targets}

    def one_slice(
        self, network: MMHVAE, inputs: dict[str, Tensor], variant: Variant
    ) -> Callable[[int, Still], dict[str, Tensor]]:
        """A pass of one slice, to be run beside others."""

        @torch.inference_mode()
        def run(i: int, still: Still) -> dict[str, Tensor]:
            own = {name: images[i : i + 1] for name, images in inputs.items()}
            return network(own, variant.targets, TEMPERATURE, self.mask[i : i + 1], noise=self.noise).images

        return run

    def prepared(self, dtype: torch.dtype) -> MMHVAE:
        """The network as :func:`mmhvae.synthesize` uses it, made once."""
        if dtype not in self.ready:
            self.ready[dtype] = prepared(self.network, self.device, dtype)
        return self.ready[dtype]

    def seconds(self, variant: Variant) -> float:
        """Wall-clock time of the second of two passes, as every pass of a volume but the first."""
        with heap_of(variant):
            self.run(variant)
            self.synchronize()
            started = time.perf_counter()
            self.run(variant)
            self.synchronize()
            return time.perf_counter() - started

    def synchronize(self) -> None:
        """Wait for a GPU, which works behind the caller's back."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


Clock = Callable[[Variant], float]
threads = torch.get_num_threads


def _silent(share: float, item: int) -> None:
    """Nobody waits for progress here."""


def heap_of(variant: Variant) -> AbstractContextManager[None]:
    """Freed memory is kept in our passes, as ``synthesize`` keeps it, and not in the plain ones."""
    return nullcontext() if variant.plain else kept_heap()


def sector(side: int) -> Tensor:
    """Field of view of an ultrasound probe at the top of a square image: boolean (1, 1, side, side)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    depth, across = rows + 0.1 * side, columns - side / 2
    radius = torch.hypot(depth, across)
    inside = (radius > 0.2 * side) & (radius < 1.05 * side) & (across.abs() < 0.7 * depth)
    return inside[None, None]


def textured(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Smooth structure with speckle in (-1, 1) inside the mask (B, 1, H, W), the background's value outside."""
    side = mask.shape[-1]
    coarse = torch.randn(len(mask), 1, 12, 12, generator=generator)
    smooth = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    speckle = torch.randn(mask.shape, generator=generator)
    return torch.where(mask, torch.tanh(0.8 * smooth + 0.2 * speckle), BACKGROUND)


def variants(device: torch.device) -> list[Variant]:
    """All rows, task by task, the plain passes first."""
    reduced = half_precision(device)
    rows = []
    for task, (inputs, _) in TASKS.items():
        dtypes = [dtype for dtype in (torch.float32, reduced) if dtype is not None]
        if device.type == "cpu":
            ours = dict.fromkeys(dtypes, ROUNDS_SIDE_BY_SIDE * torch.get_num_threads())
            plain = sorted(PLAIN_BATCHES_ON_CPU)
        else:
            ours = {dtype: slices_per_batch(CONFIG, len(inputs), device, dtype) for dtype in dtypes}
            plain = sorted(set(ours.values()))
        rows += [Variant(task, True, size) for size in plain]
        rows += [Variant(task, False, batch, dtype) for dtype, batch in ours.items()]
    return rows


def baseline(times: dict[Variant, list[float]], variant: Variant) -> list[float]:
    """What a variant is compared with: the plain pass of its task at the batch size that suits this device best."""
    plain = [own for row, own in times.items() if row.plain and row.task == variant.task]
    return min(plain, key=statistics.median)


def time_in_turns(clock: Clock, rows: Sequence[Variant], rounds: int) -> dict[Variant, list[float]]:
    """Milliseconds a slice of each variant in each round."""
    times: dict[Variant, list[float]] = {row: [] for row in rows}
    for turn in range(rounds):
        # Every other round backwards, so that no variant always runs after the same one.
        for row in rows if turn % 2 == 0 else reversed(rows):
            times[row].append(1000 * clock(row) / row.batch)
    return times


@contextmanager
def clock_on_cpu(batch: int, threads: int) -> Iterator[Clock]:
    """Times the plain passes in one process and ours in another, since what one asks of the heap serves both."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1, _begin, (batch, threads)) as plain, spawn.Pool(1, _begin, (batch, threads)) as ours:
        yield lambda variant: (plain if variant.plain else ours).apply(_seconds, (variant,))


def _begin(batch: int, threads: int) -> None:
    global _fixture
    torch.set_num_threads(threads)
    _fixture = Fixture.build(torch.device("cpu"), batch)


def _seconds(variant: Variant) -> float:
    return _fixture.seconds(variant)


def memory_on_cpu(rows: Sequence[Variant], threads: int) -> dict[Variant, float]:
    """Peak MiB of each variant, each in a fresh process.

    To be called while this process is still small: on Linux a child's ``ru_maxrss`` starts from its parent's.
    """
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1, maxtasksperchild=1) as pool:
        peaks = pool.starmap(growth_on_cpu, [(row, threads) for row in rows], chunksize=1)
    return dict(zip(rows, peaks, strict=True))


def growth_on_cpu(variant: Variant, threads: int) -> float:
    """MiB by which the largest resident size of this process grows over two passes."""
    torch.set_num_threads(threads)
    fixture = Fixture.build(torch.device("cpu"), variant.batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with heap_of(variant):
        for _ in range(2):
            fixture.run(variant)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit / 2**20


def memory_on_cuda(fixture: Fixture, rows: Sequence[Variant]) -> dict[Variant, float]:
    """Peak MiB of each variant, as torch's allocator counts it."""
    peaks = {}
    for row in rows:
        torch.cuda.reset_peak_memory_stats(fixture.device)
        before = torch.cuda.memory_allocated(fixture.device)
        fixture.run(row)
        fixture.synchronize()
        peaks[row] = (torch.cuda.max_memory_allocated(fixture.device) - before) / 2**20
    return peaks


@dataclass(frozen=True)
class Deviation:
    """How far a variant's images are from the plain pass's inside the field of view; the worst of its targets."""

    largest: float  # absolute, images in [-1, 1]
    mean_share: float  # mean absolute difference as a share of the range of images, which is what the check looks at
    mean_share_of_span: float  # the same as a share of what this network's images really span

    @property
    def allowed(self) -> bool:
        return self.mean_share <= PRECISION_TOLERANCE


def deviation(fixture: Fixture, variant: Variant) -> Deviation:
    """Compare a variant with the plain pass on the same images."""
    exact, images = fixture.run(Variant(variant.task, True, variant.batch)), fixture.run(variant)
    inside = fixture.mask[: variant.batch]
    numbers = []
    for name, image in images.items():
        truth = exact[name][inside]
        difference = (image.float()[inside] - truth).abs()
        mean, span = float(difference.mean()), float(truth.max() - truth.min())
        numbers.append((float(difference.max()), mean / OUTPUT_RANGE, mean / span))
    return Deviation(*(max(column) for column in zip(*numbers, strict=True)))


def speed_ups(times: dict[Variant, list[float]], variant: Variant) -> tuple[float, float]:
    """Times as fast as the quickest plain pass: median over the rounds, and between the fastest."""
    plain, own = baseline(times, variant), times[variant]
    return statistics.median(p / o for p, o in zip(plain, own, strict=True)), min(plain) / min(own)


def table(times: dict[Variant, list[float]], peaks: dict[Variant, float], off: dict[Variant, Deviation]) -> str:
    """The rows in Markdown."""
    lines = [
        "| inputs → targets | pass | slices a batch | ms a slice, median | minimum | times as fast as plain, median"
        " | of the minima | peak MiB | mean difference, % of range (of span seen) |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row, own in times.items():
        median, fastest = speed_ups(times, row)
        difference = "" if row.plain else f"{100 * off[row].mean_share:.4f} ({100 * off[row].mean_share_of_span:.4f})"
        lines.append(
            f"| {row.task} | {row.title} | {row.batch} | {statistics.median(own):.1f} | {min(own):.1f}"
            f" | {median:.2f} | {fastest:.2f} | {peaks[row]:.0f} | {difference} |"
        )
    return "\n".join(lines)


def findings(times: dict[Variant, list[float]], off: dict[Variant, Deviation]) -> str:
    """What the table says about the goals, iUS -> T2, and about the check of reduced precision."""
    lines = []
    for row in off:
        median = speed_ups(times, row)[0]
        reduced = row.dtype != torch.float32
        goal = REDUCED_GOAL if reduced else FLOAT32_GOAL
        if row.targets == ("t2",):
            verdict = "met" if median >= goal else "missed"
            lines.append(f"- {row.task}, {row.title}: {median:.2f} times as fast as plain; goal {goal:g}: {verdict}.")
        if reduced:
            verdict = "allows" if off[row].allowed else "refuses"
            lines.append(f"- {row.task}, {row.title}: the {100 * PRECISION_TOLERANCE:g} % check {verdict} it.")
        else:
            lines.append(f"- {row.task}, {row.title}: largest difference from plain {off[row].largest:.1e}.")
    if all(row.dtype == torch.float32 for row in off):
        lines.append("- Reduced precision: this device offers none that is faster.")
    return "\n".join(lines)


def machine(device: torch.device, threads: int, rounds: int) -> str:
    """Where and with what the numbers were measured."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = models[0] if models else processor
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor
    return (
        f"{name}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}, {platform.system()}, "
        f"commit {commit()}, {rounds} rounds"
    )


def commit() -> str:
    """Short hash of the checkout, marked where files were changed; "unknown" outside one."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def main() -> None:
    """Measure memory, then differences, then time; print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--rounds", type=int, default=10, help="timings of each variant (default 10)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU (default: torch's)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads should be at least 1.")
    try:
        device = choose_device(arguments.device)
    except InputError as error:
        parser.error(str(error))
    torch.set_num_threads(arguments.threads)
    rows = variants(device)
    peaks = memory_on_cpu(rows, arguments.threads) if device.type == "cpu" else {}
    fixture = Fixture.build(device, max(row.batch for row in rows))
    off = {row: deviation(fixture, row) for row in rows if not row.plain}
    on_cpu = clock_on_cpu(max(row.batch for row in rows), arguments.threads)
    with on_cpu if device.type == "cpu" else nullcontext(fixture.seconds) as clock:
        times = time_in_turns(clock, rows, arguments.rounds)
    peaks = peaks or memory_on_cuda(fixture, rows)
    print(f"{machine(device, arguments.threads, arguments.rounds)}\n")
    print(f"{table(times, peaks, off)}\n\n{findings(times, off)}")


if __name__ == "__main__":
    main()

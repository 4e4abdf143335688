"""The ablation study on a small budget: its arms, how one is scored, and the table beside the paper's Table 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..configuration import VariantConfig

TARGETS = ("us", "t2", "cet1", "flair")
NAMES = {"us": "iUS", "t2": "T2", "cet1": "ceT1", "flair": "FLAIR"}


@dataclass(frozen=True)
class Arm:
    """One setting of the study; ``paper`` is its row of Table 2: target -> (PSNR in dB, LPIPS in %)."""

    title: str
    paper: Mapping[str, tuple[float, float]]
    single_level: bool = False
    fusion: str = "product"
    adversarial: bool = True

    def variant(self, levels: int) -> VariantConfig:
        """The network's departure from the core, where it has ``levels`` levels."""
        return VariantConfig((levels,) if self.single_level else None, self.fusion)  # type: ignore[arg-type]


def _row(*numbers: float) -> dict[str, tuple[float, float]]:
    return {name: (numbers[2 * i], numbers[2 * i + 1]) for i, name in enumerate(TARGETS)}


FULL = "full"
OURS = _row(27.0, 14.7, 28.6, 7.1, 29.8, 6.2, 27.4, 6.7)
ARMS = {
    FULL: Arm("all levels, product of experts, GAN", OURS),
    "one-level": Arm("L = 1", _row(21.5, 30.7, 21.6, 24.1, 24.0, 19.2, 19.2, 22.9), single_level=True),
    "average": Arm("average", _row(26.3, 14.4, 27.0, 8.7, 27.2, 7.6, 25.7, 7.5), fusion="average"),
    "zeros": Arm("concatenation with zeros", _row(26.1, 15.6, 25.8, 9.0, 26.3, 8.0, 24.0, 8.7), fusion="zeros"),
    "no-gan": Arm("without GAN", _row(28.1, 20.6, 30.1, 8.3, 30.6, 7.4, 27.2, 6.6), adversarial=False),
}
# Section c of Table 2 has a row of its own for the full network.
FULL_BESIDE_NO_GAN = _row(27.0, 14.6, 28.8, 7.1, 29.4, 6.3, 26.8, 6.6)
METRICS: Mapping[str, tuple[str, str, float]] = {  # sign: what is better
    "psnr": ("PSNR", "dB", 1.0),
    "perceptual": ("perceptual distance", "", -1.0),
}
#: Of a line of runs.jsonl, see :func:`ablation_table`.
RUN_SHAPE = {"arm": str, "seed": int, "scores": {target: dict.fromkeys(METRICS, float) for target in TARGETS}}


def ablation_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line an arm, ours as mean (standard deviation over the seeds) beside the paper's; then sentences.

    Args:
        runs: one a seed and arm: ``arm``, ``seed``, and ``scores``: target -> ``psnr`` (dB), ``perceptual`` (%).
    """
    seeds = complete_seeds(runs)
    chosen = {(run["arm"], run["seed"]): run["scores"] for run in runs if run["seed"] in seeds}
    lines = [
        "| setting | " + " | ".join(f"{NAMES[t]}: PSNR (dB) ↑ | ST-LPIPS (%) ↓" for t in TARGETS) + " |",
        "|---|" + "--:|" * 2 * len(TARGETS),
    ]
    for name, arm in ARMS.items():
        values = {t: [chosen[name, seed][t] for seed in seeds] for t in TARGETS}
        ours = [_spread([v[m] for v in values[t]], m) for t in TARGETS for m in METRICS]
        lines.append(f"| {arm.title}: ours | " + " | ".join(ours) + " |")
        paper = [f"{psnr:.1f} | {lpips:.1f} (LPIPS)" for psnr, lpips in (arm.paper[t] for t in TARGETS)]
        lines.append(f"| {arm.title}: paper | " + " | ".join(paper) + " |")
    sentences = [sentence(name, metric, chosen, seeds) for name in ARMS if name != FULL for metric in METRICS]
    return "\n".join([*lines, "", *sentences]) + "\n"


def complete_seeds(runs: Sequence[Mapping[str, Any]]) -> list[int]:
    """Seeds for which every arm has run."""
    done = {(run["arm"], run["seed"]) for run in runs}
    return [seed for seed in sorted({run["seed"] for run in runs}) if all((name, seed) in done for name in ARMS)]


def sentence(name: str, metric: str, chosen: Mapping[tuple[str, int], Any], seeds: Sequence[int]) -> str:
    """Does the full network beat this arm, in how many seeds, and does the paper say so too?

    All differences are means over the four targets, signed so that above 0 the full network is the better one.
    """
    title, unit, sign = METRICS[metric]
    gains = [
        sign * float(np.mean([chosen[FULL, seed][t][metric] - chosen[name, seed][t][metric] for t in TARGETS]))
        for seed in seeds
    ]
    place = list(METRICS).index(metric)
    full = FULL_BESIDE_NO_GAN if name == "no-gan" else OURS
    paper = sign * float(np.mean([full[t][place] - ARMS[name].paper[t][place] for t in TARGETS]))
    won = sum(gain > 0 for gain in gains)
    if 0 < won < len(gains):
        verdict = "our seeds disagree among themselves, so this says neither"
    else:
        verdict = "agrees" if (won > 0) == (paper > 0) else "disagrees"
    unit = f" {unit}" if unit else " points"
    return (
        f"- **Full network against {ARMS[name].title}, {title}**: better by {np.mean(gains):+.2f}{unit} on average, in "
        f"{won} of {len(gains)} seeds; in the paper by {paper:+.2f}{unit}: {verdict}."
    )


def _spread(values: Sequence[float], metric: str) -> str:
    digits = 1 if metric == "psnr" else 2
    deviation = np.std(values, ddof=1) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.{digits}f} ({deviation:.{digits}f})"

"""The model card of a bundle: one that somebody wrote, or one of what a run knows of itself, every sentence a fact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError
from mmhvae.images import MODALITIES
from mmhvae.network import MMHVAE

from ..scoring import EXPLAINED, SliceScore, case_means, cell_order, summary

MANY_NAMES = 12  # cases beyond this number are counted in the card, and named in bundle.json alone
PATHS_AND_HABITS = ("run", "start_from", "output", "device", "cases", "incomplete", "splits")  # of one machine
WARNING = "not approved for clinical use"
NOT_EVALUATED = (
    "These weights were not evaluated on held-out cases before export. Do so before you rely on them: "
    "`Training/evaluate.py table`."
)


def read_card(path: Path) -> str:
    """A card that somebody wrote.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The model card {path} cannot be read; give a Markdown file.") from error


def model_card(
    name: str,
    network: MMHVAE,
    spacing: float,
    run: Mapping[str, Any],
    facts: Mapping[str, Any],
    data: str,
    licence: str,
    intended_use: str,
    scores: Sequence[SliceScore] | None = None,
) -> str:
    """Markdown.

    Args:
        run: content of ``run.json``.
        facts: which weights: run, step, commit.
        data, licence, intended_use: what nobody but the exporter knows: where the cases come from, under which terms.
        scores: of an evaluation of these very weights.
    """
    sections = {
        "Intended use": [intended_use]
        if WARNING in intended_use.lower()
        else [intended_use, f"{WARNING.capitalize()}."],
        "Model": _model(network, spacing),
        "Training data": [data, *_cases(run)],
        "Training": _training(run, facts),
        "Evaluation": [_evaluation(scores, run)] if scores else [NOT_EVALUATED],
        "Limitations": _limitations(network),
        "Licence": [licence],
    }
    parts = [f"# {name}", *(f"## {title}\n\n" + "\n\n".join(lines) for title, lines in sections.items())]
    return "\n\n".join(parts) + "\n"


def _names(modalities: Sequence[str]) -> str:
    return ", ".join(MODALITIES[name].name if name in MODALITIES else name for name in modalities)


def _model(network: MMHVAE, spacing: float) -> list[str]:
    config = network.config
    count = sum(parameter.numel() for parameter in network.parameters())
    side = config.image_size
    return [
        "MMHVAE (Dorent et al.): a hierarchical variational auto-encoder that synthesises any of "
        f"{_names(config.modalities)} from any non-empty subset of them. {count:,} parameters, "
        f"{len(config.latent_shapes)} latent levels, fusion in {config.fusion} mode.",
        f"Input: 2-D slices of {side} x {side} pixels at {spacing:g} mm, rows along the first index axis; larger "
        "fields of view are tiled. Grey values are normalised over the whole volume. Output: images harmonised to "
        "[0, 1], white matter at 1/7 (T2), 1/5 (ceT1), 1/3 (FLAIR).",
    ]


def _cases(run: Mapping[str, Any]) -> list[str]:
    cases, incomplete = run.get("cases"), run.get("incomplete", {})
    if not isinstance(cases, dict) or not isinstance(incomplete, dict):
        raise InputError("The run's run.json does not say which cases it read; restore it, or give --card.")
    told = [f"{len(cases)} cases{_named(list(cases))}, as read by this run: {_by_modalities(cases)}."]
    if incomplete:
        told.append(f"{len(incomplete)} more cases of a second folder: {_by_modalities(incomplete)}.")
    return told


def _by_modalities(cases: Mapping[str, Sequence[str]]) -> str:
    """How many of the cases have which modalities."""
    subsets = Counter(_names(modalities) for modalities in cases.values())
    return "; ".join(f"{count} with {subset}" for subset, count in subsets.most_common())


def _named(cases: Sequence[str]) -> str:
    return f" ({', '.join(cases)})" if 0 < len(cases) <= MANY_NAMES else ""


def _training(run: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    weights = f"after {facts['step']} steps of the run {facts['run']}, commit {facts['commit']}"
    begun = run.get("started_from")
    start = f"It began with the weights of {_origin(begun)}." if begun else "It began with random weights."
    settings = [f"| {key} | {value} |" for key, value in _flat(run["config"])]
    table = "\n".join(["| setting | value |", "|---|---|", *settings])
    return [f"Moving average of the weights {weights}. {start}", table]


def _origin(begun: Mapping[str, Any]) -> str:
    return str(begun.get("config", {}).get("run") or begun.get("script") or begun.get("source") or "another model")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if key in PATHS_AND_HABITS:
            continue
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", _shown(value))]
    return rows


def _shown(value: Any) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _evaluation(scores: Sequence[SliceScore], run: Mapping[str, Any]) -> str:
    cases = {row.case for row in scores}
    seen = cases & {*run["cases"], *run.get("incomplete", {})}
    held_out = f"{len(seen)} of them trained on, which flatters the numbers" if seen else "none of them trained on"
    lines = [
        f"{len(cases)} cases, {held_out}. Mean (standard deviation) over cases. {EXPLAINED['standard']}",
        "",
        "| inputs | target | cases | PSNR (dB) | SSIM (%) |",
        "|---|---|---|---|---|",
    ]
    psnr, ssim = (case_means(scores, metric) for metric in ("psnr_standard", "ssim_standard"))
    for (inputs, target), values in sorted(psnr.items(), key=lambda item: cell_order(item[0])):
        if target in inputs.split("+"):
            continue  # harmonisation; evaluate.py's own table has it
        numbers = [
            summary(list(values.values()), "psnr_standard"),
            summary(list(ssim[inputs, target].values()), "ssim_standard"),
        ]
        lines.append(
            "| " + " | ".join([_names(inputs.split("+")), _names([target]), str(len(values)), *numbers]) + " |"
        )
    return "\n".join(lines)


def _limitations(network: MMHVAE) -> list[str]:
    return [
        "Synthetic images can show structures that are not there, and miss structures that are. What lies outside the "
        "field of view of the input is not synthesised. What the training data lack, such as other probes, "
        "scanners, pathologies and stages of surgery, the model has never seen.",
        f"A slice has {network.config.image_size} pixels a side, always: the coarsest level is fully connected.",
    ]

"""The mixture's weights: which subsets r' of the observed modalities r a step encodes (section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ULTRASOUND = "us"

Subset = tuple[str, ...]


def draw_subset(observed: Sequence[str], rng: np.random.Generator) -> Subset:
    """Draw r' ~ p_alpha(. | r): all observed, iUS alone, or a uniform non-empty subset of the MR, 1/3 each.

    Where a branch is impossible (no iUS, or no MR observed) its share goes to the others evenly.

    Args:
        observed: modality ids, in the bundle's order; the order is kept.
        rng: source of randomness.

    Raises:
        ValueError: nothing is observed.
    """
    if not observed:
        raise ValueError("observed should hold at least one modality.")
    mr = [name for name in observed if name != ULTRASOUND]
    branches = ["all"] + ["us"] * (ULTRASOUND in observed) + ["mr"] * bool(mr)
    branch = branches[rng.integers(len(branches))]
    if branch == "all":
        return tuple(observed)
    if branch == "us":
        return (ULTRASOUND,)
    return subsets_of(mr)[int(rng.integers(2 ** len(mr) - 1))]


def enumerated_subsets(observed: Sequence[str]) -> list[list[Subset]]:
    """The release's way: every MR subset in turn, one update with it, iUS alone and all observed.

    What is not observed is left out, and nothing is encoded twice in one update. A case with iUS alone, which the
    release skips, gets one update.
    """
    mr = [name for name in observed if name != ULTRASOUND]
    us: list[Subset] = [(ULTRASOUND,)] if ULTRASOUND in observed else []
    updates = [[subset, *us, tuple(observed)] for subset in subsets_of(mr)] or [us]
    return [list(dict.fromkeys(update)) for update in updates]


def subsets_of(names: Sequence[str]) -> list[Subset]:
    """All 2^n - 1 non-empty subsets, each in the order of ``names``; code c's bits say who is in subset c - 1."""
    return [tuple(name for bit, name in enumerate(names) if code >> bit & 1) for code in range(1, 2 ** len(names))]


def is_partial(subset: Subset) -> bool:
    """Whether it is iUS alone or MR alone: the passes whose outputs the generator's adversarial term sees."""
    return (ULTRASOUND in subset) != any(name != ULTRASOUND for name in subset)

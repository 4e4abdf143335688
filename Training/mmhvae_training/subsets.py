"""The mixture's weights: which subset r' of the observed modalities r a training pass encodes (section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ULTRASOUND = "us"


def draw_subset(observed: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
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
    code = int(rng.integers(1, 2 ** len(mr)))  # one bit a modality, at least one set
    return tuple(name for bit, name in enumerate(mr) if code >> bit & 1)

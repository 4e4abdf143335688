"""Folds of a data set by head: whoever is judged in a fold has no sweep, and no other ultrasound of it, learnt from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmhvae.exceptions import InputError

Fold = dict[str, list[str]]  # "train" and "val", cases by name: nnU-Net's


def folds_by_head(heads: Mapping[str, str], count: int, seed: int = 0) -> list[Fold]:
    """``count`` folds of all cases, whose sizes differ as little as whole heads allow.

    Args:
        heads: case -> head.

    Raises:
        InputError: fewer heads than folds, or fewer than two folds.
    """
    by_head = defaultdict(list)
    for case, head in sorted(heads.items()):
        by_head[head].append(case)
    if count < 2 or len(by_head) < count:
        raise InputError(f"{len(by_head)} heads cannot make {count} folds; ask for 2 or more, and at most one a head.")
    names = sorted(by_head)
    order = np.random.default_rng(seed).permutation(len(names))
    parts: list[list[str]] = [[] for _ in range(count)]
    for head in sorted((names[number] for number in order), key=lambda name: -len(by_head[name])):
        min(parts, key=len).extend(by_head[head])
    return [{"train": sorted(set(heads) - set(part)), "val": sorted(part)} for part in parts]


def read_folds(path: Path, heads: Mapping[str, str]) -> list[Fold]:
    """nnU-Net's ``splits_final.json``.

    Raises:
        InputError: it cannot be read, names a case that does not exist, or a fold shares a head.
    """
    try:
        folds = [{part: [str(name) for name in fold[part]] for part in ("train", "val")} for fold in _list(path)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path} holds no folds; write a JSON list of {{"train": [...], "val": [...]}}.') from error
    for number, fold in enumerate(folds):
        for part, names in fold.items():
            missing = [name for name in names if name not in heads]
            if missing or not names:
                said = f"names {missing[0]}, which is not in the data set" if missing else f"has no case in {part!r}"
                raise InputError(f"Fold {number} of {path} {said}; correct it.")
    require_whole_heads(folds, heads)
    return folds


def require_whole_heads(folds: Sequence[Fold], heads: Mapping[str, str]) -> None:
    """Raise :class:`InputError` where a fold learns from a head that it is judged by."""
    for number, fold in enumerate(folds):
        both = {heads[case] for case in fold["train"]} & {heads[case] for case in fold["val"]}
        if both:
            raise InputError(f"Fold {number} learns from the head {min(both)} and is judged by it; keep heads whole.")


def _list(path: Path) -> list[Mapping[str, Sequence[str]]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, list) or not content:
        raise ValueError("no list")
    return content

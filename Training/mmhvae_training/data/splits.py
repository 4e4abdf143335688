"""Which case serves for what: ``case,split`` tables, and folds that share out the subsets of modalities evenly."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from mmhvae.exceptions import InputError
from mmhvae.files import write_text

COLUMNS = ["case", "split"]
TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)


def read_splits(path: Path, cases: Collection[str] | None = None) -> dict[str, str]:
    """Case -> split ("train", "validation" or "test"), in the file's order.

    Args:
        path: a CSV with the columns ``case,split``.
        cases: names of the cases that exist, where that is known.

    Raises:
        InputError: no such file, another header, an empty or double case, an unknown split, or a case that is not
            among ``cases``.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The splits {path} cannot be read; give a CSV file with the columns case,split.") from error
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not rows or rows[0] != COLUMNS:
        raise InputError(f"The splits {path} do not begin with the line case,split; add it.")
    splits: dict[str, str] = {}
    for row in rows[1:]:
        if len(row) != 2 or not row[0] or row[1] not in SPLITS:
            raise InputError(f"The splits {path} hold '{','.join(row)}'; write case,{' or case,'.join(SPLITS)}.")
        if row[0] in splits:
            raise InputError(f"The splits {path} name the case {row[0]} twice; keep one of the lines.")
        splits[row[0]] = row[1]
    if not splits:
        raise InputError(f"The splits {path} name no case; add a line a case.")
    if cases is not None:
        _require_known(splits, cases, path)
    return splits


def _require_known(splits: Iterable[str], cases: Collection[str], path: Path) -> None:
    unknown = [name for name in splits if name not in cases]
    if unknown:
        nearest = get_close_matches(unknown[0], cases, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else "; remove the line, or prepare the case."
        raise InputError(f"The splits {path} name the case {unknown[0]}, which is not in the data set{hint}")


def write_splits(splits: Mapping[str, str], path: Path) -> None:
    """Write a ``case,split`` CSV, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    text = "".join(f"{case},{split}\n" for case, split in [tuple(COLUMNS), *splits.items()])
    write_text(text, path)


def stratified_folds(
    subsets: Mapping[str, Collection[str]], count: int, seed: int = 0, validation: float = 0.0
) -> list[dict[str, str]]:
    """``count`` splits of the same cases; each case is tested in exactly one of them.

    The cases that share a subset of modalities are dealt out to the folds in turn, one subset after the other, so
    that neither the folds' sizes nor a subset's share of them differ by more than one case (section 4.4.1).

    Args:
        subsets: case -> its modalities.
        count: of folds, 2 or more.
        seed: of the order in which the cases of a subset are dealt.
        validation: share of each fold's training cases that validates, dealt out likewise.

    Raises:
        InputError: fewer cases than folds, fewer than two folds, or a share outside [0, 1).
    """
    if count < 2 or len(subsets) < count:
        raise InputError(f"{len(subsets)} cases cannot make {count} folds; ask for 2 or more, and at most one a case.")
    if not 0 <= validation < 1:
        raise InputError(f"A validation share of {validation:g} is none; give one from 0 to below 1.")
    dealt = _dealt(subsets, seed)
    folds = []
    for fold in range(count):
        training = [case for position, case in enumerate(dealt) if position % count != fold]
        chosen = _every(training, round(validation * len(training)))
        names = {case: VALIDATION if case in chosen else TRAIN for case in training}
        folds.append({case: names.get(case, TEST) for case in sorted(subsets)})
    return folds


def _dealt(subsets: Mapping[str, Collection[str]], seed: int) -> list[str]:
    """All cases, those of one subset after those of another, in random order within a subset."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for case in sorted(subsets):
        groups[tuple(sorted(subsets[case]))].append(case)
    return [groups[key][index] for key in sorted(groups) for index in rng.permutation(len(groups[key]))]


def _every(cases: list[str], wanted: int) -> set[str]:
    """``wanted`` of the cases, evenly spaced."""
    return {cases[(2 * n + 1) * len(cases) // (2 * wanted)] for n in range(wanted)}

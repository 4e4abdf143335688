"""Prepare a whole data set, case by case: what fails is told at the end and stops nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from ..records import differing, write_json
from .case_folder import read_record, write_case
from .preparation import PreparedCase, Settings, prepare_case
from .source import SourceCase

MANIFEST = "manifest.json"


def prepare_all(
    cases: Iterable[tuple[str, Callable[[], SourceCase]]],
    output: Path,
    settings: Settings,
    sources: Mapping[str, str | Path | None],
    again: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Prepare every case into ``output``; those that are there already stay, unless ``again``.

    Args:
        cases: name -> how to read it; either may raise :class:`InputError`.
        sources: the options that decide what is read, folders among them; with the settings they decide what a case is.

    Returns:
        What ``manifest.json`` says: the settings, a record a prepared case, a sentence a failed one.

    Raises:
        InputError: a case cannot be written: no other could be either. One was prepared with other settings or of
            other sources before. None could be prepared.
    """
    facts = {"settings": asdict(settings), "sources": {name: _said(source) for name, source in sources.items()}}
    manifest: dict[str, Any] = {**facts, "cases": {}, "failed": {}}
    for name, read in cases:
        record = None if again else read_record(output / name)
        if record is not None:
            _require_same(record, facts, output / name)
        if record is None:
            prepared = _prepared(read, settings)
            if isinstance(prepared, str):
                manifest["failed"][name] = prepared
                say(f"{name}: FAILED. {prepared}")
                continue
            prepared.record |= facts
            write_case(prepared, output)
            record = prepared.record
        manifest["cases"][name] = record
        say(f"{name}: {', '.join(record['modalities'])}" + "".join(f"\n  {problem}" for problem in record["problems"]))
    if not manifest["cases"]:
        raise InputError("No case could be prepared: " + next(iter(manifest["failed"].values()), "there is none."))
    write_json(manifest, output / MANIFEST)
    return manifest


def _said(source: str | Path | None) -> str | None:
    return str(source.resolve()) if isinstance(source, Path) else source


def _require_same(record: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Raise InputError where a case was prepared in another way, by an older version perhaps, which said less."""
    before, now = (
        {name: one for part in facts for name, one in said.get(part, {}).items()} for said in (record, facts)
    )
    different = differing(before, now)
    if different:
        raise InputError(
            f"{folder} was prepared with other settings ({', '.join(different)}); choose a new folder, or --again."
        )


def _prepared(read: Callable[[], SourceCase], settings: Settings) -> PreparedCase | str:
    try:
        return prepare_case(read(), settings)
    except InputError as error:
        return str(error)


def summary(manifest: dict[str, Any]) -> str:
    """How many cases have which subset of the modalities, and how many could not be used."""
    subsets = Counter(" + ".join(record["modalities"]) for record in manifest["cases"].values())
    lines = [f"{count:4d}  {subset}" for subset, count in subsets.most_common()]
    flawed = sum(bool(record["problems"]) for record in manifest["cases"].values())
    counts = (
        f"{len(manifest['cases'])} cases prepared, {flawed} of them with a problem; {len(manifest['failed'])} failed"
    )
    return "\n".join([counts, *lines])

"""Which cases an evaluation's results are of: one that is simulated or prepared anew keeps its name, not its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mmhvae.exceptions import InputError

from .files import read_json, write_json

CASES = "cases.json"

#: Name -> the files that a result depends on; a folder stands for all in it.
Cases = Mapping[str, Sequence[Path]]


def checksum_of_files(places: Iterable[Path]) -> str:
    """SHA-256 of files, and of folders' files with their names; hidden ones do not count, nor what is not there."""
    found = hashlib.sha256()
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            name = path.relative_to(place)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                found.update(name.as_posix().encode("utf-8", "surrogateescape") + b"\0")
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def require_same_cases(folder: Path, cases: Cases, done: Iterable[str]) -> None:
    """Write the cases' checksums into a folder of results, or see that its results are of these very cases.

    Args:
        folder: is there already, see :func:`require_same_settings`.
        cases: that results are wanted of; those that are not there any more are left to their reader.
        done: names of the cases that the folder holds results of.

    Raises:
        InputError: results are of another case of the same name, or nothing says which case they are of.
    """
    done = set(done)
    known = _known(folder)
    untold = sorted(done - known.keys())
    if untold:
        raise InputError(
            f"{folder} holds results of {untold[0]}, and no {CASES} says of which files; "
            "choose another folder for --output."
        )
    write_json(known | _same(folder, cases, known, done), folder / CASES)


def refuse_other_cases(folder: Path, cases: Cases, done: Iterable[str]) -> None:
    """The same for what adds nothing to the folder: results that do not say which case they are of may be read.

    Raises:
        InputError: results are of another case of the same name.
    """
    _same(folder, cases, _known(folder), set(done))


def _known(folder: Path) -> dict[str, str]:
    path = folder / CASES
    advice = "restore it, or choose another folder for --output."
    return read_json(path, dict, advice, {str: str}) if path.is_file() else {}


def _same(folder: Path, cases: Cases, known: Mapping[str, str], done: set[str]) -> dict[str, str]:
    """Case -> checksum; one without results may have changed."""
    there = {name: places for name, places in cases.items() if all(place.exists() for place in places)}
    found = {name: checksum_of_files(places) for name, places in there.items()}
    other = [name for name in found if name in done and known.get(name, found[name]) != found[name]]
    if other:
        raise InputError(f"{folder} holds results of another {other[0]}; choose another folder for --output.")
    return found

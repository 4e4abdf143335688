"""Fetch a file: resumed where it broke off, verified before it gets its name, never more than it may be.

What has arrived lies in ``<name>.part`` until all of it is there and its checksum is right. ``<name>.part.json`` says
which version of the file the part is of, so that a changed file is not glued to an old part.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from .exceptions import InputError, Progress

#: Seconds without a byte, after which a server is given up.
PATIENCE = 20.0
_BLOCK = 1 << 16
_LOCAL = ("localhost", "127.0.0.1", "::1")
_AGAIN = "try again, and it goes on from there"


@dataclass(frozen=True)
class Checksum:
    """Of a file: its SHA-256, or git's name for it, the SHA-1 of ``blob <size>`` and a zero byte before the content."""

    kind: Literal["sha256", "git-blob"]
    digest: str

    def matches(self, path: Path) -> bool:
        """Whether the file has this checksum."""
        if self.kind == "sha256":
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == self.digest.lower()


def download(
    url: str, target: Path, checksum: Checksum, largest: int, progress: Progress, patience: float = PATIENCE
) -> Path:
    """Fetch ``url`` into the file ``target``, whose folder is made if need be.

    Args:
        url: https, or http of this very computer.
        target: the file's final name; nothing is there before all is well.
        checksum: of the whole file.
        largest: bytes, at most.
        progress: hears of the share that is there (0 where that is not known); raising
            :class:`~mmhvae.exceptions.Cancelled` in it stops the work and keeps the part for the next time.
        patience: seconds without a byte, after which the server is given up.

    Raises:
        InputError: no network, no such file, a broken connection, no space, or not the file that was expected.
    """
    _require_safe(url)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, largest, progress, patience)
        progress(1.0, "checking the file")
        if not checksum.matches(part):
            _discard(part)
            raise InputError(f"{target.name} arrived altered, and was thrown away; try again, or from another network.")
        os.replace(part, target)
    except OSError as error:
        raise _explained(error, part) from error
    _discard(part)
    return target


def _fetch(url: str, part: Path, largest: int, progress: Progress, patience: float) -> None:
    """Get what is missing of the part; a server that cannot continue starts anew."""
    start, version = _part_so_far(part)
    headers = {"User-Agent": "mmhvae", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=patience)
    except urllib.error.HTTPError as error:
        _discard(part)  # a part that cannot be continued (416) would stand in the way for ever
        raise InputError(f"The server refused the file (HTTP {error.code}); try again later.") from error
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        _note_version(part, answer.headers)
        total = start + int(answer.headers.get("Content-Length") or 0)
        if total > largest:
            _discard(part)
            raise InputError("The server offers another, larger file; nothing was kept.")
        with part.open("ab" if start else "wb") as stream:
            received = _copy(answer, stream, start, total, largest, progress)
    if received < total:
        raise InputError(f"The connection broke after {_megabytes(received, total)}; {_AGAIN}.")


def _copy(answer: Any, stream: IO[bytes], start: int, total: int, largest: int, progress: Progress) -> int:
    received = start
    while True:
        progress(received / total if total else 0.0, f"downloaded {_megabytes(received, total)}")
        try:
            block = answer.read(_BLOCK)
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise InputError(f"The connection broke after {_megabytes(received, total)}; {_AGAIN}.") from error
        if not block:
            return received
        if received + len(block) > largest:
            raise InputError("The server sent more than the file can have; try again later.")
        stream.write(block)
        received += len(block)


def _megabytes(received: int, total: int) -> str:
    return f"{received / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{received / 1e6:.1f} MB"


def _part_so_far(part: Path) -> tuple[int, str]:
    """Bytes that are there and the version they are of; nothing where the version is not known."""
    try:
        version = json.loads(_note(part).read_bytes())["version"]
        return (part.stat().st_size, version) if isinstance(version, str) else (0, "")
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""


def _note_version(part: Path, headers: Any) -> None:
    tag = headers.get("ETag") or ""
    version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")  # a weak tag promises too little
    if version:
        _note(part).write_text(json.dumps({"version": version}), encoding="utf-8")
    else:
        _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _explained(error: OSError, part: Path) -> InputError:
    if isinstance(error, urllib.error.URLError):
        reason = error.reason
        if isinstance(reason, InputError):
            return reason
        return InputError(f"The server cannot be reached ({reason}); check the network, or install from a file.")
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        _discard(part)
        return InputError(f"There is no room for the file in {part.parent}; free some space and try again.")
    if isinstance(error, (TimeoutError, ConnectionError)):
        return InputError(f"The server does not answer; check the network, and {_AGAIN}.")
    return InputError(f"{part.parent} cannot be written ({error.strerror}); check its permissions.")


def _require_safe(url: str) -> None:
    place = urlsplit(url)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in _LOCAL):
        raise InputError(f"{url} is not an https address; use one that is.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https alone."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

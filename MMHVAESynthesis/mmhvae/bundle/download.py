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
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from ..exceptions import InputError, Progress

#: Seconds without a byte, after which a server is given up.
PATIENCE = 20.0
_BLOCK = 1 << 16
_LOCAL = ("localhost", "127.0.0.1", "::1")
_FULL_DISK = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
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
        largest: bytes, at most; no more is read.
        progress: hears of the share that is there (0 where that is not known); raising
            :class:`~mmhvae.exceptions.Cancelled` in it stops the work and keeps the part for the next time.
        patience: seconds without a byte, after which the server is given up.

    Raises:
        InputError: no network, no such file, a broken connection, no space, or not the file that was expected.
    """
    _require_safe(url, local_is_fine=True)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _is_complete(part, checksum):
            _fetch(url, part, largest, progress, patience)
        progress(1.0, "checking the file")
        if not checksum.matches(part):
            _discard(part)
            raise InputError("The file arrived altered, and was thrown away; try again, or from another network.")
        os.replace(part, target)
    except OSError as error:
        raise _explained(error, part) from error
    _discard(part)
    return target


def _is_complete(part: Path, checksum: Checksum) -> bool:
    """Whether all had arrived when the last attempt was stopped; a server has no way to continue that."""
    return part.is_file() and checksum.matches(part)


def _fetch(url: str, part: Path, largest: int, progress: Progress, patience: float) -> None:
    """Get what is missing of the part; where it cannot be continued, start anew."""
    start, version = _part_so_far(part)
    with _opened(url, start, version, patience) as answer:
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or _is_elsewhere(answer, start):
            _discard(part)
            return _fetch(url, part, largest, progress, patience)
        start = start if answer.status == HTTPStatus.PARTIAL_CONTENT else 0
        length = answer.headers.get("Content-Length") or ""
        total = start + int(length) if length.isdecimal() else 0
        _require_room(part, start, total, largest)
        _note_version(part, answer.headers)
        with part.open("ab" if start else "wb") as stream:
            received = _copy(answer, stream, start, total, largest, progress)
    if received < total:
        raise _broken(received, total)
    return None


def _opened(url: str, start: int, version: str, patience: float) -> Any:
    """The server's answer: the file, the rest of it from ``start``, or that there is no such rest."""
    headers = {"User-Agent": "mmhvae", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        return opener.open(urllib.request.Request(url, headers=headers), timeout=patience)
    except urllib.error.HTTPError as error:
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error
        error.close()
        raise InputError(_refusal(error.code)) from error
    except http.client.HTTPException as error:
        raise InputError("The server's answer is not understood; check the network, and try again later.") from error


def _refusal(status: int) -> str:
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return f"The file is no longer on the server (HTTP {status}); install from a file, or update this program."
    return f"The server refused the file (HTTP {status}); try again later, or install from a file."


def _is_elsewhere(answer: Any, start: int) -> bool:
    """Whether the server sends another piece than the one that is missing."""
    if answer.status != HTTPStatus.PARTIAL_CONTENT:
        return False
    piece = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    if not start:
        raise InputError("The server sent a piece that nobody asked for; try again later.")
    return piece is None or int(piece[1]) != start


def _require_room(part: Path, start: int, total: int, largest: int) -> None:
    if total > largest:
        _discard(part)
        raise InputError("The server offers another, larger file; nothing was kept.")
    if total - start > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _copy(answer: Any, stream: IO[bytes], start: int, total: int, largest: int, progress: Progress) -> int:
    received = start
    while True:
        progress(received / total if total else 0.0, f"downloaded {_megabytes(received, total)}")
        try:
            block = answer.read1(_BLOCK)  # what there is: a slow server must not keep a cancellation waiting
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise _broken(received, total) from error
        if not block:
            return received
        if received + len(block) > largest:
            raise InputError("The server sent more than the file can have; try again later.")
        stream.write(block)
        received += len(block)


def _broken(received: int, total: int) -> InputError:
    return InputError(f"The connection broke after {_megabytes(received, total)}; {_AGAIN}.")


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
    is_exact = tag and not tag.startswith("W/")  # a weak tag promises too little
    version = tag if is_exact else headers.get("Last-Modified")
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
    if error.errno in _FULL_DISK:
        _discard(part)
        return InputError(f"There is no room for the file in {part.parent}; free some space and try again.")
    if isinstance(error, urllib.error.URLError) and not isinstance(error.reason, TimeoutError):
        return InputError(f"The server cannot be reached ({error.reason}); check the network, or install from a file.")
    if isinstance(error, (TimeoutError, ConnectionError, urllib.error.URLError)):
        return InputError(f"The server does not answer; check the network, and {_AGAIN}.")
    return InputError(f"{part.parent} cannot be written ({error.strerror}); check its permissions.")


def _require_safe(url: str, local_is_fine: bool) -> None:
    place = urlsplit(url)
    is_local = place.scheme == "http" and place.hostname in _LOCAL
    if place.scheme != "https" and not (is_local and local_is_fine):
        raise InputError(f"The address {url} is not https; use one that is.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https alone; those of this very computer may stay on it."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _require_safe(newurl, local_is_fine=urlsplit(req.full_url).hostname in _LOCAL)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

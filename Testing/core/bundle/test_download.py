"""Downloads from a real server of this computer, which breaks off, ignores, lies, hangs and redirects."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mmhvae
import numpy as np
import pytest
from mmhvae.bundle.download import Checksum, download

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())
GIT_BLOB = Checksum("git-blob", hashlib.sha1(b"blob 300000\0" + CONTENT).hexdigest())


@dataclass
class Behaviour:
    """How the server treats requests, and what it was asked."""

    content: bytes = CONTENT
    etag: str = '"one"'
    ranges: bool = True
    piece_offset: int = 0  # how far from the place that was asked for
    break_after: int | None = None  # bytes sent of an answer before the connection is cut; once
    hang_after: int | None = None
    says_length: bool = True
    status: int = 200
    redirect: str = ""
    asked: list[str] = field(default_factory=list)  # the Range of each request, "" for none
    released: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.behaviour``."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        b: Behaviour = self.server.behaviour
        b.asked.append(self.headers.get("Range", ""))
        if b.redirect and self.path == "/file.bin":
            self.send_response(302)
            self.send_header("Location", b.redirect)
            self.end_headers()
            return
        if b.status != 200:
            self.send_error(b.status)
            return
        self._send_content(b)

    def _send_content(self, b: Behaviour) -> None:
        start = 0
        if b.ranges and self.headers.get("Range") and self.headers.get("If-Range") == b.etag:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if start > len(b.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            start += b.piece_offset
            self.send_header("Content-Range", f"bytes {start}-{len(b.content) - 1}/{len(b.content)}")
        if b.etag:
            self.send_header("ETag", b.etag)
        if b.says_length:
            self.send_header("Content-Length", str(len(b.content) - start))
        self.end_headers()
        self._write(b, b.content[start:])

    def _write(self, b: Behaviour, body: bytes) -> None:
        sent = len(body)
        if b.break_after is not None:
            sent, b.break_after = b.break_after, None
        if b.hang_after is not None:
            self.wfile.write(body[: b.hang_after])
            b.released.wait(30)
            return
        try:
            self.wfile.write(body[:sent])
        except OSError:
            return  # the client has seen enough


@pytest.fixture
def server() -> Iterator[Behaviour]:
    """A server's behaviour, to be changed at will; its address is ``server.url``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        behaviour = httpd.behaviour = Behaviour()
        behaviour.url = f"http://127.0.0.1:{httpd.server_port}/file.bin"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield behaviour
        behaviour.released.set()
        httpd.shutdown()


def fetch(server: Behaviour, folder: Path, checksum: Checksum = SHA256, **more: object) -> Path:
    arguments = {"largest": 1_000_000, "progress": lambda *_: None, "patience": 10.0, **more}
    return download(server.url, folder / "store" / "file.bin", checksum, **arguments)


def refused(server: Behaviour, folder: Path, checksum: Checksum = SHA256, **more: object) -> str:
    """The sentence with which a download is refused; the file must not be there."""
    with pytest.raises(mmhvae.InputError) as caught:
        fetch(server, folder, checksum, **more)
    sentence = str(caught.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not (folder / "store" / "file.bin").exists()
    return sentence


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "store").iterdir()}


def part_size(folder: Path) -> int:
    return (folder / "store" / "file.bin.part").stat().st_size


@pytest.mark.parametrize("checksum", [SHA256, GIT_BLOB], ids=["sha256", "git blob"])
@pytest.mark.parametrize("says_length", [True, False])
def test_a_whole_file(server, tmp_path, checksum, says_length):
    server.says_length = says_length
    heard: list[float] = []
    path = fetch(server, tmp_path, checksum, progress=lambda fraction, message: heard.append(fraction))
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == {"file.bin"}
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_it_goes_on_where_the_connection_broke(server, tmp_path):
    server.break_after = 100_000
    assert "0.1 of 0.3 MB" in refused(server, tmp_path)
    kept = part_size(tmp_path)
    assert 0 < kept <= 100_000
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={kept}-"]
    assert left(tmp_path) == {"file.bin"}


@pytest.mark.parametrize(
    ("change", "requests"),
    [
        ({"ranges": False}, 2),  # the server ignores what is there
        ({"etag": '"two"', "content": CONTENT[::-1]}, 2),  # the file was changed meanwhile: from its beginning
        ({"piece_offset": 7}, 3),  # another piece than the one that was asked for
        ({"etag": '"one"', "content": CONTENT[:50_000]}, 3),  # shorter than what is there (416)
    ],
    ids=["no ranges", "changed", "wrong piece", "shorter"],
)
def test_it_starts_anew_where_it_cannot_go_on(server, tmp_path, change, requests):
    server.break_after = 100_000
    refused(server, tmp_path)
    for name, value in change.items():
        setattr(server, name, value)
    checksum = Checksum("sha256", hashlib.sha256(server.content).hexdigest())
    assert fetch(server, tmp_path, checksum).read_bytes() == server.content
    assert len(server.asked) == requests


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_a_part_of_an_unknown_version_is_not_built_on(server, tmp_path, etag):
    server.etag, server.break_after = etag, 100_000
    refused(server, tmp_path)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", ""]


def test_a_part_that_is_complete_needs_no_server(server, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("checksum", [SHA256, GIT_BLOB], ids=["sha256", "git blob"])
def test_an_altered_file_is_thrown_away(server, tmp_path, checksum):
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    assert "altered" in refused(server, tmp_path, checksum)
    assert left(tmp_path) == set()


def test_a_part_that_was_altered_on_disk_is_thrown_away(server, tmp_path):
    server.break_after = 100_000
    refused(server, tmp_path)
    part = tmp_path / "store" / "file.bin.part"
    part.write_bytes(b"x" + part.read_bytes()[1:])
    assert "altered" in refused(server, tmp_path)
    assert left(tmp_path) == set()
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("says_length", [True, False])
def test_no_more_is_read_than_the_file_can_have(server, tmp_path, says_length):
    server.says_length = says_length
    heard: list[str] = []
    refused(server, tmp_path, largest=100_000, progress=lambda fraction, message: heard.append(message))
    assert not any("0.3" in message for message in heard)
    assert not (tmp_path / "store" / "file.bin.part").exists() or part_size(tmp_path) <= 100_000


@pytest.mark.parametrize(("status", "words"), [(404, "no longer"), (403, "403"), (500, "500"), (503, "503")])
def test_errors_of_the_server(server, tmp_path, status, words):
    server.status = status
    assert words in refused(server, tmp_path)


def test_a_server_that_is_down_for_a_while_costs_nothing_that_has_arrived(server, tmp_path):
    server.break_after = 100_000
    refused(server, tmp_path)
    server.status = 503
    refused(server, tmp_path)
    server.status = 200
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1].startswith("bytes=")


@pytest.mark.parametrize("hang_after", [0, 70_000])
def test_a_server_that_hangs(server, tmp_path, hang_after):
    server.hang_after = hang_after
    sentence = refused(server, tmp_path, patience=0.5)
    assert "goes on from there" in sentence
    server.hang_after = None
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_nobody_answers(server, tmp_path):
    server.url = "http://127.0.0.1:9/file.bin"  # the port of discarded traffic
    assert "cannot be reached" in refused(server, tmp_path)


@pytest.mark.parametrize(
    "url", ["http://example.org/file.bin", "ftp://example.org/file.bin", "file:///etc/hostname", "file.bin"]
)
def test_addresses_that_are_not_safe(server, tmp_path, url):
    server.url = url
    with pytest.raises(mmhvae.InputError, match="https"):
        fetch(server, tmp_path)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("to", ["http://example.org/x", "ftp://example.org/x", "file:///etc/hostname"])
def test_redirects_that_are_not_safe(server, tmp_path, to):
    server.redirect = to
    refused(server, tmp_path)
    assert left(tmp_path) == set()


def test_redirects_that_are(server, tmp_path):
    server.redirect = "/elsewhere.bin"
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_redirects_without_end(server, tmp_path):
    server.redirect = "/file.bin"
    assert "302" in refused(server, tmp_path)


def test_cancelled_and_resumed(server, tmp_path):
    def cancel(fraction: float, message: str) -> None:
        if fraction > 0.3:
            raise mmhvae.Cancelled

    with pytest.raises(mmhvae.Cancelled):
        fetch(server, tmp_path, progress=cancel)
    assert left(tmp_path) == {"file.bin.part", "file.bin.part.json"}
    kept = part_size(tmp_path)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={kept}-"]


@pytest.mark.parametrize("room", [0, 100_000])
def test_no_space(server, tmp_path, room, full_disk):
    with full_disk(room):
        assert "no room" in refused(server, tmp_path)
    assert left(tmp_path) == set()


def test_more_than_the_disk_has(server, tmp_path, monkeypatch):
    class Sparse(bytes):
        def __len__(self) -> int:
            return 1 << 62

    server.content = Sparse(CONTENT)
    assert "no room" in refused(server, tmp_path, largest=1 << 63)
    assert left(tmp_path) == set()


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "store").write_text("a file stands in the way")
    with pytest.raises(mmhvae.InputError, match="cannot be written"):
        fetch(server, tmp_path)

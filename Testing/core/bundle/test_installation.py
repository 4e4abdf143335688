"""Models from the network: what the manifest lists is downloaded and installed, or nothing is."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mmhvae import load_bundle
from mmhvae.bundle import store as weights
from mmhvae.bundle.catalogue import Downloadable, downloadable, downloadables
from mmhvae.bundle.download import Checksum
from mmhvae.bundle.installation import install_from_network
from mmhvae.exceptions import Cancelled, InputError, no_progress

from .stores import files, names


def test_the_manifest():
    for entry in downloadables():
        assert entry.url.startswith("https://")
        assert len(entry.checksum.digest) == {"sha256": 64, "git-blob": 40}[entry.checksum.kind]
        assert "licence" in entry.terms
        assert weights._NAME.fullmatch(entry.name)
    with pytest.raises(InputError, match="mmhvae-release"):
        downloadable("nothing")


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and counts."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests += 1
        super().do_GET()


@pytest.fixture
def released(golden, tmp_path) -> Iterator[tuple[Downloadable, ThreadingHTTPServer]]:
    """The golden checkpoint on a real server, as the manifest would list it; and the server."""
    site = tmp_path / "site"
    site.mkdir()
    content = Path(shutil.copy(golden / "CP_main_1000.pth", site)).read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        server.daemon_threads, server.requests, server.site = True, 0, site
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        checksum = Checksum("git-blob", hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest())
        url = f"http://127.0.0.1:{server.server_port}/CP_main_1000.pth"
        yield replace(downloadable("mmhvae-release"), url=url, checksum=checksum), server
        server.shutdown()


def test_download_and_install(store, released, golden):
    wanted, server = released
    heard: list[float] = []
    path = install_from_network(wanted, store, lambda fraction, message: heard.append(fraction))
    assert path == store.path("mmhvae-release")
    installed = load_bundle(path)
    expected = load_bundle(golden / "CP_main_1000.pth")
    assert all(torch.equal(a, b) for a, b in zip(
        installed.network.state_dict().values(), expected.network.state_dict().values(), strict=True
    ))  # fmt: skip
    assert installed.manifest.name == wanted.title
    assert installed.manifest.training["source_sha256"] == expected.manifest.weights_sha256
    assert installed.manifest.training["source_url"] == wanted.url
    assert heard == sorted(heard)
    assert install_from_network(wanted, store, no_progress) == path  # no second time
    assert server.requests == 1
    assert [name for name in files(store) if ".pth" in name] == []


@pytest.mark.parametrize("kind", ["altered", "gone", "no checkpoint"])
def test_nothing_of_a_bad_download_is_installed(store, released, kind):
    wanted, server = released
    file = server.site / wanted.file_name
    if kind == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif kind == "gone":
        file.unlink()
    else:
        file.write_bytes(b"not a checkpoint")
        wanted = replace(wanted, checksum=Checksum("sha256", hashlib.sha256(b"not a checkpoint").hexdigest()))
    with pytest.raises(InputError):
        install_from_network(wanted, store, no_progress)
    assert names(store) == ["starter"]


def test_a_download_is_not_repeated_where_only_installing_failed(store, released):
    wanted, server = released

    def stop(fraction: float, message: str) -> None:
        if message == "converting the model":
            raise Cancelled

    with pytest.raises(Cancelled):
        install_from_network(wanted, store, stop)
    assert names(store) == ["starter"]
    install_from_network(wanted, store, no_progress)
    assert server.requests == 1
    assert names(store) == ["starter", "mmhvae-release"]

"""The manager of models as a user meets it: real engines, a real server of this computer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import rig

rig.require()


import qt
import torch
from mmhvae import load_bundle
from mmhvae.bundle import catalogue as downloadable
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.bundle.store import WeightsStore
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine
from MMHVAESynthesisLib.setup.weights_panel import WeightsPanel

from ...core.segmentation.bright_network import save_bright_extractor, save_bright_network
from ...core.segmentation.phantom import save_random_segmenter

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
PATIENCE = 120.0
SHIPPED = ["starter model (starter)", "shipped segmenter (segmenter)", "shipped brain extractor (brain)"]


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and stops half way while it is told to."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append(self.headers.get("Range", ""))
        with contextlib.suppress(OSError):  # the client has seen enough
            super().do_GET()

    def copyfile(self, source: object, outputfile: object) -> None:
        if self.server.hangs:
            for _ in range(5):  # slowly enough for progress to be told
                outputfile.write(source.read(20_000))
                time.sleep(0.2)
            self.server.released.wait(60)
        else:
            super().copyfile(source, outputfile)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Iterator[Path]:
    """The file that takes the place of the shipped list of downloads, for this process and for engines."""
    path = tmp_path_factory.mktemp("catalogue") / "manifest.json"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(downloadable.ENVIRONMENT, str(path))
        yield path


class KeptEngine(SlicerEngine):
    """An engine that outlives the work, since each start takes seconds; ``closed`` counts how often it was to end."""

    closed = 0

    def close(self, timeout: float = 1.0) -> None:
        self.closed += 1


@pytest.fixture(scope="module")
def kept(slicer_app, catalogue) -> Iterator[KeptEngine]:
    """The engine of all panels here."""
    engine = KeptEngine(python=(sys.executable,))
    yield engine
    SlicerEngine.close(engine)


@pytest.fixture
def server(golden, tmp_path, catalogue) -> Iterator[ThreadingHTTPServer]:
    """The golden checkpoint on a server, in place of the authors' one."""
    site = tmp_path / "site"
    site.mkdir()
    content = Path(shutil.copy(golden / "CP_main_1000.pth", site)).read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        server.daemon_threads, server.requests, server.hangs = True, [], False
        server.site, server.released = site, threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        (entry,) = json.loads((Path(downloadable.starter_bundle()).parent / "manifest.json").read_text())
        entry["url"] = f"http://127.0.0.1:{server.server_port}/CP_main_1000.pth"
        entry["checksum"]["digest"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        catalogue.write_text(json.dumps([entry]))
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def panel(scene, server, tmp_path, kept) -> Iterator[WeightsPanel]:
    """The panel, shown, with nothing installed; ``panel.changes`` counts what it told."""
    changes: list[int] = []
    store = WeightsStore(tmp_path / "weights")
    panel = WeightsPanel(store, lambda: changes.append(1), lambda: kept)
    panel.store, panel.changes = store, changes
    panel.widget.resize(380, 400)
    panel.widget.show()
    yield panel
    panel.close()
    panel.widget.close()


@pytest.fixture
def source(tmp_path) -> Path:
    """A tiny bundle's zip."""
    torch.manual_seed(0)
    bundle = Bundle(MMHVAE(TINY).eval(), Manifest("Tiny model", TINY, 1.0, "MIT", "tests"), "card")
    folder = save_bundle(bundle, tmp_path / "source" / "tiny")
    return Path(shutil.make_archive(str(tmp_path / "tiny"), "zip", folder))


def download_button(panel: WeightsPanel) -> object:
    return panel._downloads[0][1]


def names(panel: WeightsPanel) -> list[str]:
    return [bundle.name for bundle in panel.store.installed()]


def listed(panel: WeightsPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count)]


def wait(panel: WeightsPanel) -> str:
    """Until the work is over -> what the panel says about it."""
    rig.wait_until(lambda: not panel.work.bar.isVisible(), PATIENCE, "the end of the installation")
    return panel.work.label.text


def choose_file(monkeypatch, path: Path | str) -> None:
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))


def test_what_ships_says_what_it_is_and_stays(panel):
    assert listed(panel) == SHIPPED
    does = ("synthesises images: us, ", "outlines tumours in MR: t1, ", "finds the brain in MR: 3.0 mm")
    for row, words in enumerate(does):
        panel.list.setCurrentRow(row)
        assert not panel.delete_button.isEnabled()
        assert "cannot be deleted" in panel.delete_button.toolTip
        assert words in panel.about_label.text
        assert "Licence" in panel.about_label.text


def test_no_network_without_a_click_and_an_agreement(panel, server):
    rig.answer(False)
    rig.click(download_button(panel))
    (message,) = rig.messages
    assert "MIT" in message.text
    assert "https://" in message.text
    assert "not approved for clinical use" in message.text
    assert server.requests == []
    assert names(panel) == ["starter"]


def test_download(panel, golden, kept):
    closed = kept.closed
    rig.click(download_button(panel))
    assert not panel.install_button.isEnabled()
    assert "mmhvae-release is installed" in wait(panel)
    assert "mmhvae-release" in listed(panel)[1]
    assert not download_button(panel).isEnabled()
    assert panel.install_button.isEnabled()
    assert panel.changes
    found, expected = load_bundle(panel.store.path("mmhvae-release")), load_bundle(golden / "CP_main_1000.pth")
    assert found.manifest.training["source_sha256"] == expected.manifest.weights_sha256
    rig.wait_until(lambda: panel._engine is None, PATIENCE, "the end of the engine")
    assert kept.closed == closed + 1


def test_cancel_keeps_what_arrived_and_the_next_time_goes_on(panel, server):
    server.hangs = True
    rig.click(download_button(panel))
    rig.wait_until(lambda: "downloaded 0.1 of 0.6 MB" in panel.work.label.text, PATIENCE)
    rig.click(panel.work.cancel_button)
    assert "Cancelled" in wait(panel)
    assert names(panel) == ["starter"]
    part = panel.store.folder / ".downloads" / "CP_main_1000.pth.part"
    kept = part.stat().st_size
    assert kept > 0
    server.hangs = False
    server.released.set()
    rig.click(download_button(panel))
    assert "is installed" in wait(panel)
    assert names(panel) == ["starter", "mmhvae-release"]
    assert not part.exists()
    assert server.requests == ["", f"bytes={kept}-"]


@pytest.mark.parametrize(("kind", "words"), [("altered", "altered"), ("down", "reached")])
def test_a_download_that_fails(panel, server, kind, words):
    file = server.site / "CP_main_1000.pth"
    if kind == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    else:
        server.shutdown()
        server.server_close()
    rig.click(download_button(panel))
    assert words in wait(panel)
    assert names(panel) == ["starter"]
    assert [path for path in panel.store.folder.rglob("*") if path.is_file()] == []
    assert download_button(panel).isEnabled()


def test_install_from_a_file_and_delete(panel, server, source, monkeypatch):
    choose_file(monkeypatch, "")
    rig.click(panel.install_button)
    assert not panel.work.bar.isVisible()
    choose_file(monkeypatch, source)
    rig.click(panel.install_button)
    assert wait(panel) == "tiny is installed."
    assert listed(panel)[1] == "Tiny model (tiny)"
    assert server.requests == []
    panel.list.setCurrentRow(1)
    rig.answer(False)
    rig.click(panel.delete_button)
    assert names(panel) == ["starter", "tiny"]
    rig.click(panel.delete_button)
    assert names(panel) == ["starter"]
    assert listed(panel) == SHIPPED
    assert list(panel.store.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (save_random_segmenter, "outlines tumours in MR: t1, "),
        (save_bright_network, "outlines tumours in ultrasound: 2.0 x "),
        (save_bright_extractor, "finds the brain in MR: 2.0 mm"),
    ],
)
def test_a_segmenter_is_installed_told_of_and_deleted_too(panel, tmp_path, monkeypatch, save, words):
    choose_file(monkeypatch, shutil.make_archive(str(tmp_path / "mine"), "zip", save(tmp_path / "source" / "theirs")))
    rig.click(panel.install_button)
    assert wait(panel) == "mine is installed."
    assert [name for name in listed(panel) if name in SHIPPED] == SHIPPED
    panel.list.setCurrentRow(next(row for row, name in enumerate(listed(panel)) if name not in SHIPPED))
    assert words in panel.about_label.text
    assert names(panel) == ["starter"]
    rig.click(panel.delete_button)
    assert listed(panel) == SHIPPED
    assert list(panel.store.folder.iterdir()) == []


def test_a_file_that_is_no_model(panel, tmp_path, monkeypatch):
    (tmp_path / "holiday.zip").write_bytes(b"not even a zip")
    choose_file(monkeypatch, tmp_path / "holiday.zip")
    rig.click(panel.install_button)
    assert "not a bundle" in wait(panel)
    assert names(panel) == ["starter"]
    assert not panel.store.folder.exists()


def test_a_model_that_holds_other_files_too(panel, source, monkeypatch):
    choose_file(monkeypatch, source.parent / "source" / "tiny" / "bundle.json")
    rig.click(panel.install_button)
    wait(panel)
    (panel.store.path("tiny") / "notes.txt").write_text("precious")
    panel.list.setCurrentRow(1)
    rig.click(panel.delete_button)
    assert "other files" in panel.work.label.text
    assert names(panel) == ["starter", "tiny"]


def test_the_panel_goes_in_the_middle(panel, server):
    panel._new_engine = lambda: SlicerEngine(python=(sys.executable,))  # one that really ends
    server.hangs = True
    rig.click(download_button(panel))
    rig.wait_until(lambda: "downloaded 0.1 of 0.6 MB" in panel.work.label.text, PATIENCE)
    panel.close()
    rig.process_events(200)
    assert names(panel) == ["starter"]

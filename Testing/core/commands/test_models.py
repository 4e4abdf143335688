"""Bundles and checkpoints: imported, and refused where they are altered, foreign, or would run code."""

from __future__ import annotations

import json
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmhvae.bundle.members import CARD, MANIFEST, WEIGHTS

from .calls import bytes_as, files, synthesis


def test_import_release_and_info(run, golden, tmp_path):
    assert run("import-release", golden / "CP_main_1000.pth", tmp_path / "release")[0] == 0
    assert files(tmp_path / "release") == sorted([MANIFEST, WEIGHTS, CARD])
    for path in (tmp_path / "release", golden / "CP_main_1000.pth"):
        status, text, errors = run("info", path)
        assert (status, errors) == (0, "")
        content = json.loads(text)
        assert content["architecture"]["fusion"] == "release"
        assert content["parameters"] > 1000


def test_a_full_disk_while_importing(refused, golden, tmp_path, full_disk):
    with full_disk(1000):
        sentence = refused("import-release", golden / "CP_main_1000.pth", tmp_path / "release", output=tmp_path)
    assert "no file may be larger than" in sentence


def altered(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    (folder / WEIGHTS).write_bytes(change((folder / WEIGHTS).read_bytes()))
    return folder


def restated(folder: Path, **changes: object) -> Path:
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, **changes}))
    return folder


def zipped(folder: Path, method: int = zipfile.ZIP_DEFLATED, prefix: str = "", link: bool = False) -> Path:
    path = folder.parent / "b.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in (MANIFEST, WEIGHTS, CARD):
            entry = zipfile.ZipInfo(prefix + name)
            entry.compress_type = method
            entry.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | 0o644) << 16
            archive.writestr(entry, (folder / name).read_bytes())
    return path


def damaged(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    return bytes_as(bytes(content), path)


BAD_BUNDLES: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "no",
    "name too long": lambda folder: folder / ("n" * 300),
    "altered weights": lambda folder: altered(folder, lambda w: w[:-1] + bytes([w[-1] ^ 1])),
    "truncated weights": lambda folder: altered(folder, lambda w: w[:-100]),
    "no weights": lambda folder: altered(folder, lambda w: b""),
    "other version": lambda folder: restated(folder, format_version="2\n3"),
    "spacing without end": lambda folder: restated(folder, spacing_mm=10**400),
    "a modality that is a path": lambda folder: restated(folder, modalities=["us", "/tmp/t2", "flair"]),
    "a modality that torch reserves": lambda folder: restated(folder, modalities=["us", "keys", "flair"]),
    "zip with a parent folder": lambda folder: zipped(folder, prefix="../"),
    "zip with links": lambda folder: zipped(folder, link=True),
    "zip of an odd method": lambda folder: zipped(folder, zipfile.ZIP_LZMA),
    "damaged zip": lambda folder: damaged(zipped(folder)),
    "no zip": lambda folder: bytes_as(b"PK\x03\x04", folder / "b.zip"),
}


@pytest.mark.parametrize("kind", BAD_BUNDLES)
def test_bad_bundles(refused, bundle, us, tmp_path, kind):
    bad = BAD_BUNDLES[kind](shutil.copytree(bundle, tmp_path / "copy"))
    refused(*synthesis(bad, us, tmp_path / "out"), output=tmp_path / "out")
    refused("info", bad)


class Bomb:
    """Unpickled by a careless program, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def bomb(folder: Path, zipped: bool) -> Path:
    path, value = folder / "x.pth", {"first_conv.us.weight": Bomb(folder / "exploded")}
    if zipped:
        torch.save(value, path)
        return path
    return bytes_as(pickle.dumps(value), path)


def altered_release(golden: Path, path: Path) -> Path:
    """The golden checkpoint with one bit of one weight changed."""
    content = bytearray((golden / "CP_main_1000.pth").read_bytes())
    with zipfile.ZipFile(golden / "CP_main_1000.pth") as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content[largest.header_offset + largest.file_size // 2] ^= 1
    return bytes_as(bytes(content), path)


BAD_CHECKPOINTS: dict[str, Callable[[Path, Path], Path]] = {
    "text": lambda golden, d: bytes_as(b"no checkpoint", d / "x.pth"),
    "empty": lambda golden, d: bytes_as(b"", d / "x.pth"),
    "truncated": lambda golden, d: bytes_as((golden / "CP_main_1000.pth").read_bytes()[:-5000], d / "x.pth"),
    "altered": lambda golden, d: altered_release(golden, d / "x.pth"),
    "runs code": lambda golden, d: bomb(d, zipped=True),
    "runs code, unzipped": lambda golden, d: bomb(d, zipped=False),
    "a folder": lambda golden, d: shutil.copytree(golden, d / "x.pth"),
    "other suffix": lambda golden, d: Path(shutil.copy(golden / "CP_main_1000.pth", d / "x.ckpt")),
}


@pytest.mark.parametrize("kind", BAD_CHECKPOINTS)
def test_bad_checkpoints(refused, golden, us, tmp_path, kind):
    folder = tmp_path / "in"
    folder.mkdir()
    bad = BAD_CHECKPOINTS[kind](golden, folder)
    refused("import-release", bad, tmp_path / "out", output=tmp_path)
    refused(*synthesis(bad, us, tmp_path / "out"), output=tmp_path / "out")
    assert not (folder / "exploded").exists()


def test_importing_never_touches_a_folder_in_use(refused, golden, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    assert "not empty" in refused("import-release", golden / "CP_main_1000.pth", tmp_path, output=tmp_path)

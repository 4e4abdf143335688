"""The user's models: what is listed, installed whole or not at all, and deleted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmhvae import load_bundle
from mmhvae.bundle import store as weights
from mmhvae.bundle.installation import install_from_file
from mmhvae.bundle.store import WeightsStore, name_for
from mmhvae.exceptions import Cancelled, InputError, no_progress

from .stores import files, install, make_bundle, names


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "here/MMHVAE/weights"),
        ("win32", "LOCALAPPDATA", "here/MMHVAE/weights"),
        ("linux", "MMHVAE_WEIGHTS", "here"),
    ],
)
def test_the_users_folder(monkeypatch, tmp_path, platform, variable, expected):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "MMHVAE_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(weights.sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "here"))
    assert WeightsStore().folder == tmp_path / expected


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("CP_main_1000.pth", "CP_main_1000"),
        ("my model (1).zip", "my-model-1"),
        ("..zip", "model"),
        ("Modèle.zip", "Mod-le"),
        ("x" * 300 + ".zip", "x" * 48),
    ],
)
def test_names_from_files(store, file, name):
    assert name_for(Path(file)) == name
    assert store.candidate_names(name) == [name]


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "a\n", "a" * 49, "C:x"])
def test_impossible_names(store, bundle, name):
    with pytest.raises(InputError, match="name"):
        install_from_file(bundle, store, name, no_progress)
    with pytest.raises(InputError, match="not installed"):
        store.remove(name)
    assert files(store) == []


def test_a_new_store_has_the_starter_model_which_stays(store):
    (starter,) = store.installed()
    assert (starter.name, starter.is_shipped) == ("starter", True)
    assert load_bundle(store.path("starter")).manifest.name == starter.manifest["name"]
    with pytest.raises(InputError, match="belongs to the program"):
        store.remove("starter")
    assert starter.path.is_dir()


def test_nothing_takes_the_place_of_the_starter_model(store, bundle):
    assert install(store, bundle, "starter").name == "starter-2"
    shutil.copytree(bundle, store.folder / "starter")  # somebody's own doing
    assert store.path("starter") == store.installed()[0].path


@pytest.mark.parametrize("kind", ["folder", "zip", "zip of the folder", "pth"])
def test_install_from_a_file(store, bundle, golden, tmp_path, kind):
    if kind == "folder":
        source = bundle
    elif kind == "pth":
        source = golden / "CP_main_1000.pth"
    else:
        root = bundle if kind == "zip" else bundle.parent
        source = Path(shutil.make_archive(str(tmp_path / "bundle"), "zip", root, None if kind == "zip" else "tiny"))
    path = install(store, source, "mine")
    assert path == store.path("mine") == store.folder / "mine"
    assert sorted(os.listdir(path)) == sorted(weights.MEMBERS)
    expected, found = load_bundle(source).network.state_dict(), load_bundle(path).network.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert os.listdir(store.folder) == ["mine"]


def test_the_checkpoints_checksum_is_on_record(store, golden):
    source = golden / "CP_main_1000.pth"
    path = install(store, source)
    training = json.loads((path / "bundle.json").read_text())["training"]
    assert training["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()


def test_the_same_model_is_installed_once(store, bundle, tmp_path):
    first = install(store, bundle, "mine")
    before = (first / "model.safetensors").stat().st_mtime_ns
    archive = Path(shutil.make_archive(str(tmp_path / "other"), "zip", bundle))
    assert install(store, archive, "mine") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == before
    assert names(store) == ["starter", "mine"]


@pytest.mark.parametrize(("seed", "spacing"), [(1, 1.0), (0, 0.5)], ids=["other weights", "other spacing"])
def test_another_model_of_that_name_gets_a_number(store, bundle, tmp_path, seed, spacing):
    install(store, bundle, "mine")
    other = make_bundle(tmp_path / "other", seed, spacing_mm=spacing)
    assert install(store, other, "mine").name == "mine-2"
    assert install(store, other, "mine").name == "mine-2"
    assert install(store, bundle, "mine").name == "mine"


def test_a_damaged_model_is_not_listed_and_not_in_the_way(store, bundle):
    path = install(store, bundle, "mine")
    (path / "bundle.json").write_text("{}")
    assert names(store) == ["starter"]
    assert install(store, bundle, "mine").name == "mine-2"
    assert names(store) == ["starter", "mine-2"]


def broken(kind: str, bundle: Path, folder: Path) -> Path:
    """Something that cannot be installed."""
    path = folder / "source"
    if kind == "not there":
        return path
    if kind in ("pth", "zip"):
        path = folder / f"source.{kind}"
        path.write_bytes(b"neither a checkpoint nor a zip")
        return path
    shutil.copytree(bundle, path)
    if kind == "altered":
        content = bytearray((path / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (path / "model.safetensors").write_bytes(content)
    else:
        (path / "MODEL_CARD.md").unlink()
    return path


@pytest.mark.parametrize("kind", ["not there", "pth", "zip", "altered", "incomplete"])
def test_what_cannot_be_installed(store, bundle, tmp_path, kind):
    with pytest.raises(InputError):
        install(store, broken(kind, bundle, tmp_path), "mine")
    assert files(store) == []
    assert names(store) == ["starter"]


@pytest.mark.parametrize("room", [0, 5000])
def test_no_space(store, bundle, room, full_disk):
    with full_disk(room), pytest.raises(InputError, match="no file may be larger than"):
        install(store, bundle, "mine")
    assert files(store) == []


def test_less_space_than_needed_is_noticed_before(store, bundle, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(InputError, match="no room"):
        install(store, bundle, "mine")
    assert not store.folder.exists()


def test_cancelled_at_any_moment(store, bundle):
    for moment in range(1, 10):
        count = iter(range(moment))

        def progress(fraction: float, message: str, count: Iterator[int] = count) -> None:
            if next(count, None) is None:
                raise Cancelled

        try:
            install_from_file(bundle, store, "mine", progress)
        except Cancelled:
            assert files(store) == []
        else:
            assert moment > 1
            assert names(store) == ["starter", "mine"]
            return
    pytest.fail("it never came to an end")


def test_delete(store, bundle):
    install(store, bundle, "mine")
    install(store, bundle, "yours")
    store.remove("mine")
    assert names(store) == ["starter", "yours"]
    assert os.listdir(store.folder) == ["yours"]
    with pytest.raises(InputError, match="not installed"):
        store.remove("mine")


def test_other_files_are_never_deleted(store, bundle, tmp_path):
    path = install(store, bundle, "mine")
    (path / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match="other files"):
        store.remove("mine")
    assert (path / "notes.txt").read_text() == "precious"


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
def test_a_link_is_not_followed(store, bundle, tmp_path):
    elsewhere = Path(shutil.copytree(bundle, tmp_path / "elsewhere"))
    store.folder.mkdir(parents=True)
    (store.folder / "link").symlink_to(elsewhere)
    with pytest.raises(InputError):
        store.remove("link")
    assert load_bundle(elsewhere)


def test_leftovers_of_crashes_go_after_a_day(store, bundle):
    install(store, bundle, "mine")
    for name in (".writing-old", ".deleted-old", ".writing-new", "writing-mine"):
        shutil.copytree(bundle, store.folder / name)
    for name in (".writing-old", ".deleted-old", "writing-mine"):
        os.utime(store.folder / name, (time.time() - 90000,) * 2)
    assert names(store) == ["starter", "mine", "writing-mine"]
    store.tidy()
    assert sorted(os.listdir(store.folder)) == [".writing-new", "mine", "writing-mine"]

"""Segmenters and brain extractors among the user's models: installed, listed, chosen by name, told apart, removed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError, load_bundle
from mmhvae.bundle import ModelKind, WeightsStore, segmenter_bundle, starter_bundle
from mmhvae.segmentation import (
    install_model,
    load_brain_extractor,
    load_model,
    load_segmenter,
    load_ultrasound_segmenter,
    segment_tumour,
)
from mmhvae.tasks import TASKS, BundleCache, Context, Parameters

from .bright_network import save_bright_extractor, save_bright_network
from .phantom import head, oblique_grid, save_random_segmenter


class Entrance(NamedTuple):
    """What there is for a kind: function, command and the engine's task, what chooses it there, what it is called."""

    kind: ModelKind
    make: object
    load: object
    command: list[str]
    task: str
    choice: str
    word: str


ENTRANCES = {
    "mr": Entrance(
        ModelKind.MR_SEGMENTER, save_random_segmenter, load_segmenter, ["segment", "--flair"], "segment",
        "bundle", "segmenter",
    ),
    "us": Entrance(
        ModelKind.ULTRASOUND_SEGMENTER, save_bright_network, load_ultrasound_segmenter, ["outline-us", "--us"],
        "outline_ultrasound", "bundle", "segmenter",
    ),
    "brain": Entrance(
        ModelKind.BRAIN_EXTRACTOR, save_bright_extractor, load_brain_extractor, ["segment", "--flair"], "segment",
        "extractor", "brain extractor",
    ),
}  # fmt: skip


@pytest.fixture(params=ENTRANCES)
def entrance(request):
    return ENTRANCES[request.param]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's store, empty; the tests work beside it."""
    monkeypatch.setenv("MMHVAE_WEIGHTS", str(tmp_path / "store"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return WeightsStore()


@pytest.fixture
def image():
    """An image that both kinds take, in the folder of work."""
    path = Path("image.nii.gz")
    sitk.WriteImage(head(oblique_grid(2)), str(path))
    return path


def by_engine(entrance, image, bundle, folder):
    images = {"inputs": {"flair": str(image)}} if entrance.task == "segment" else {"ultrasound": str(image)}
    context = Context(BundleCache(), folder / "engine", lambda fraction, message: None)
    return TASKS[entrance.task](Parameters({**images, entrance.choice: bundle, "flips": 1, "device": "cpu"}), context)


def users(store, kind):
    return [found.name for found in store.installed(kind) if not found.is_shipped]


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_it_is_installed_listed_and_removed_by_the_command(entrance, store, tmp_path, run, form):
    source = entrance.make(tmp_path / "theirs")
    given = source if form == "folder" else Path(shutil.make_archive(str(tmp_path / "packed"), "zip", source))
    for _ in range(2):  # the second time it is there
        assert run("weights", "install", given, "--name", "tumours")[0] == 0
    assert {kind: users(store, kind) for kind in ModelKind if users(store, kind)} == {entrance.kind: ["tumours"]}
    for name in ("model.safetensors", "bundle.json"):
        assert (store.folder / "tumours" / name).read_bytes() == (source / name).read_bytes()
    (line,) = [line for line in run("weights", "list")[1].splitlines() if line.startswith("tumours ")]
    assert f"theirs, {entrance.kind.value}, in " in line
    told = json.loads(run("info", "tumours")[1])
    assert (told["name"], told["weights_sha256"]) == ("theirs", store.find("tumours").weights_sha256)
    assert run("weights", "remove", "tumours")[0] == 0
    assert users(store, entrance.kind) == []
    assert os.listdir(store.folder) == []


def test_another_one_of_that_name_gets_a_number_and_a_damaged_one_is_not_in_the_way(store, tmp_path):
    first, second = (save_random_segmenter(tmp_path / str(seed) / "same", seed) for seed in (0, 1))

    def install(source):
        return install_model(source, store, "mine", lambda fraction, message: None).name

    assert [install(source) for source in (first, second, second, first)] == ["mine", "mine-2", "mine-2", "mine"]
    assert install(save_bright_network(tmp_path / "us" / "same")) == "mine-3"
    (store.folder / "mine" / "bundle.json").write_text("{}")
    (store.folder / "mine-2" / "model.safetensors").write_bytes(b"\0")
    assert users(store, ModelKind.MR_SEGMENTER) == ["mine-2"]
    assert install(second) == "mine-4"


def test_the_names_of_what_ships_stay_and_both_are_found_by_them(store, tmp_path, run):
    source = save_random_segmenter(tmp_path / "segmenter")  # as the README of the training names it
    assert run("weights", "install", source)[0] == 0
    assert users(store, ModelKind.MR_SEGMENTER) == ["segmenter-2"]
    assert store.path("segmenter", ModelKind.MR_SEGMENTER) == segmenter_bundle()
    shipped = load_segmenter().manifest
    assert load_segmenter("segmenter").manifest == shipped
    shutil.copytree(source, "segmenter")
    assert load_segmenter("segmenter").manifest.name == "segmenter"  # what is there comes first, as for any model
    assert load_segmenter().manifest == shipped
    status, _, complaint = run("weights", "remove", "segmenter")
    assert (status, complaint) == (2, "mmhvae: The shipped segmenter belongs to the program; it cannot be deleted.\n")


def test_by_its_name_it_outlines_at_every_entrance(entrance, store, tmp_path, run, image):
    source = entrance.make(tmp_path / "theirs")
    install_model(source, store, "mine", lambda fraction, message: None)
    outputs = []
    for bundle in ("mine", source):
        outputs.append(Path(f"by-{Path(bundle).name}.seg.nrrd"))
        chosen = [f"--{entrance.choice}", bundle, "--output", outputs[-1], "--flips", 1]
        status, said, _ = run(*entrance.command, image, *chosen)
        assert (status, "by theirs; " in said or "brain found" in said) == (0, True), said
    answer = by_engine(entrance, image, "mine", tmp_path)
    if entrance.choice == "bundle":
        assert (answer.bundle, answer.weights_sha256) == ("theirs", store.find("mine").weights_sha256)
    first, *others = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (*outputs, answer.labels))
    assert first.any()
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_the_engine_notices_that_another_one_has_that_name_now(store, tmp_path, image):
    found = []
    for seed in (0, 1):
        install_model(save_random_segmenter(tmp_path / str(seed), seed), store, "mine", lambda fraction, message: None)
        found.append(by_engine(ENTRANCES["mr"], image, "mine", tmp_path / str(seed)).weights_sha256)
        assert found[-1] == store.find("mine").weights_sha256
        store.remove("mine")
    assert len(set(found)) == 2


WRONG = {
    "starter": "is a model that synthesises images; choose one that {kind}",
    "other": "is a model that {other}; choose one that {kind}",
    "nobody": "There is no bundle nobody; check the path, or the name of an installed model",
    "altered": "do not match their checksum; get the bundle again",
    "broken": "is damaged or incomplete; get the {word} again",
}


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_one_is_one_sentence_at_every_entrance(entrance, store, tmp_path, run, image, name):
    other = next(found for found in ENTRANCES.values() if found is not entrance)
    install_model(other.make(tmp_path / "other"), store, "other", lambda fraction, message: None)
    for damaged in ("altered", "broken"):
        shutil.copytree(entrance.make(tmp_path / damaged), store.folder / damaged)
    (store.folder / "altered" / "model.safetensors").write_bytes(b"\0" * 40)
    content = json.loads((store.folder / "broken" / "bundle.json").read_text()) | {"spacing_mm": "wide"}
    (store.folder / "broken" / "bundle.json").write_text(json.dumps(content))
    words = WRONG[name].format(kind=entrance.kind.value, other=other.kind.value, word=entrance.word)
    status, _, complaint = run(*entrance.command, image, f"--{entrance.choice}", name, "--output", "o.seg.nrrd")
    assert (status, complaint.count("\n")) == (2, 1)
    assert words in complaint
    assert os.listdir() == [image.name]
    for refused in (lambda: by_engine(entrance, image, name, tmp_path), lambda: entrance.load(name)):
        with pytest.raises(InputError) as error:
            refused()
        assert words in str(error.value)


def test_a_segmenter_synthesises_nothing(entrance, store, tmp_path):
    install_model(entrance.make(tmp_path / "theirs"), store, "mine", lambda fraction, message: None)
    with pytest.raises(InputError, match=f"{entrance.kind.value}; choose one that synthesises images"):
        load_bundle("mine")
    with pytest.raises(InputError, match=f"^mine is a model that {entrance.kind.value}; choose one that synthesises"):
        store.path("mine")
    with pytest.raises(InputError, match="choose one that outlines"):
        segment_tumour({"flair": head(oblique_grid(2))}, "starter")


def test_what_cannot_be_installed_leaves_nothing(entrance, store, tmp_path, run):
    broken = entrance.make(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"x")
    for arguments, words in (([broken], "checksum"), ([broken, "--name", "a/b"], "cannot be a model's name")):
        status, _, complaint = run("weights", "install", *arguments)
        assert (status, complaint.count("\n"), words in complaint) == (2, 1, True)
    assert not store.folder.exists()


def test_each_model_is_loaded_as_what_it_is(store, tmp_path):
    for name, entrance in ENTRANCES.items():
        found = load_model(entrance.make(tmp_path / name))
        assert found.manifest == entrance.load(tmp_path / name).manifest
    assert load_model(starter_bundle()).manifest == load_bundle().manifest

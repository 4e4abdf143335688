"""Bundles on disk: round trip as folder and zip, and everything that must be refused."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmhvae.bundle.bundle import Bundle, Manifest, load_bundle, save_bundle
from mmhvae.bundle.members import CARD, MANIFEST, WEIGHTS
from mmhvae.exceptions import InputError
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.network.refinement import Refinement, RefinementConfig

TINY = MMHVAEConfig(
    modalities=("us", "t2"), image_size=16, base_features=4, max_features=8, num_pools=2, decoder_blocks=1
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    manifest = Manifest("tiny", TINY, 1.0, "MIT", "tests", {"data": "none"}, slice_axis=1)
    return save_bundle(Bundle(MMHVAE(TINY).eval(), manifest, "# Tiny\n"), tmp_path_factory.mktemp("b") / "tiny")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (MANIFEST, WEIGHTS, CARD):
            archive.write(folder / name, prefix + name)
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "zip with a folder"])
def test_round_trip(folder, tmp_path, kind):
    path = folder if kind == "folder" else zipped(folder, tmp_path / "b.zip", "tiny/" if "with" in kind else "")
    bundle, again = load_bundle(path), load_bundle(folder)
    assert bundle.network.config == TINY
    assert (bundle.manifest.name, bundle.manifest.slice_axis, bundle.card) == ("tiny", 1, "# Tiny\n")
    x = {"us": torch.rand(1, 1, 16, 16)}
    with torch.no_grad():
        torch.testing.assert_close(bundle.network(x, temperature=0).z1, again.network(x, temperature=0).z1)
    assert not bundle.network.training


def test_half_precision_takes_half_the_bytes_and_is_loaded_as_float32(folder, tmp_path):
    bundle = load_bundle(folder)
    halved = load_bundle(save_bundle(bundle, tmp_path / "half", half_precision=True))
    sizes = [(path / WEIGHTS).stat().st_size for path in (folder, tmp_path / "half")]
    assert 0.45 < sizes[1] / sizes[0] < 0.65  # names and shapes take room, too
    for name, tensor in bundle.network.state_dict().items():
        found = halved.network.state_dict()[name]
        assert found.dtype == tensor.dtype
        torch.testing.assert_close(found, tensor.half().to(tensor.dtype), rtol=0, atol=0)


def test_half_precision_changes_the_golden_outputs_by_little(golden, tmp_path):
    """By half a per cent of the range at most, a thirtieth of that on average: no more than rounding explains."""
    released = load_bundle(golden / "CP_main_1000.pth")
    halved = load_bundle(save_bundle(released, tmp_path / "half", half_precision=True))
    inputs = {"us": torch.from_numpy(np.load(golden / "golden.npz")["input/us"])}
    with torch.no_grad():
        images, others = (b.network(inputs, targets=["t2", "flair"], temperature=0).images for b in (released, halved))
    changes = torch.cat([(others[name] - image).abs() / 2 for name, image in images.items()])
    assert 0 < changes.max() < 0.01
    assert changes.mean() < 0.001


def test_weights_that_half_precision_cannot_hold_are_not_stored(folder, tmp_path):
    bundle = load_bundle(folder)
    with torch.no_grad():
        next(bundle.network.parameters()).view(-1)[0] = 1e5
    with pytest.raises(InputError, match="float32"):
        save_bundle(bundle, tmp_path / "half", half_precision=True)
    assert not (tmp_path / "half").exists()


def test_the_manifest_states_what_a_user_must_know(folder):
    content = json.loads((folder / MANIFEST).read_text())
    assert content["slices"] == {"axis": 1, "rows": "i", "columns": "k"}
    assert content["intensities"]["harmonised_white_matter"] == {"t2": 1 / 7, "cet1": 1 / 5, "flair": 1 / 3}
    assert {"format_version", "fusion", "modalities", "licence", "intended_use", "weights_sha256"} <= set(content)


def test_how_strong_each_contrast_is_is_kept_and_may_be_left_out(folder, tmp_path):
    bundle = load_bundle(folder)
    assert bundle.manifest.strength == {}
    assert "strength" not in json.loads((folder / MANIFEST).read_text())
    rated = replace(bundle, manifest=replace(bundle.manifest, strength={"t2": 0.49, "flair": 0.0}))
    saved = save_bundle(rated, tmp_path / "rated")
    assert load_bundle(saved).manifest.strength == {"t2": 0.49, "flair": 0.0}
    content = json.loads((saved / MANIFEST).read_text())
    (saved / MANIFEST).write_text(json.dumps(content | {"strength": {"t2": 1.2}}))
    with pytest.raises(InputError, match="damaged"):
        load_bundle(saved)


def test_a_released_checkpoint_is_a_bundle_and_survives_saving(golden, tmp_path):
    released = load_bundle(golden / "CP_main_1000.pth")
    assert released.manifest.spacing_mm == 0.5
    again = load_bundle(save_bundle(released, tmp_path / "release"))
    assert again.network.config.fusion == "release"
    assert again.manifest.training["source_sha256"] == released.manifest.weights_sha256
    for name, tensor in released.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], tensor, rtol=0, atol=0)


def edited(folder, **changes):
    content = json.loads((folder / MANIFEST).read_text())
    content.update(changes)
    (folder / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-9]), "checksum"),
        (lambda f: (f / WEIGHTS).write_bytes(b"x" + (f / WEIGHTS).read_bytes()[1:]), "checksum"),
        (lambda f: (f / CARD).unlink(), CARD),
        (lambda f: (f / MANIFEST).write_text("{"), "damaged"),
        (lambda f: (f / MANIFEST).write_text("[" * 100_000), "damaged"),
        (lambda f: (f / MANIFEST).write_text("[]"), "damaged"),
        (lambda f: edited(f, format_version=3), "format version 3"),
        (lambda f: edited(f, fusion="mean"), "damaged"),
        (lambda f: edited(f, slices={"axis": 2, "rows": "j", "columns": "i"}), "rules"),
        (lambda f: edited(f, intensities={}), "rules"),
        (lambda f: edited(f, spacing_mm=0), "damaged"),
        (lambda f: edited(f, modalities=[]), "damaged"),
        (lambda f: edited(f, modalities=["us", "flair"]), "do not fit"),
        (lambda f: edited(f, architecture={"image_size": 16}), "damaged"),
    ],
)
def test_damaged_bundles_are_refused(copy, damage, words):
    damage(copy)
    with pytest.raises(InputError, match=words):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("field", "value"), [("image_size", 10**9), ("num_pools", 10**9), ("max_features", 10**9), ("base_features", 4.0)]
)
def test_forged_sizes_allocate_nothing(copy, field, value):
    content = json.loads((copy / MANIFEST).read_text())
    content["architecture"][field] = value
    (copy / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(InputError, match="damaged"):
        load_bundle(copy)


def trap(folder, path, kind):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "parent folder":
            archive.write(folder / MANIFEST, "../" + MANIFEST)
        elif kind == "deep":
            archive.write(folder / MANIFEST, "a/b/" + MANIFEST)
        elif kind == "bomb":
            archive.writestr(MANIFEST, b" " * (2 << 20))
        elif kind == "link":
            entry = zipfile.ZipInfo(MANIFEST)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
        elif kind == "duplicate":
            archive.write(folder / MANIFEST, MANIFEST)
            archive.write(folder / MANIFEST, "x/" + MANIFEST)
        for name in (WEIGHTS, CARD):
            archive.write(folder / name, name)
    return path


@pytest.mark.parametrize("kind", ["parent folder", "deep", "bomb", "link", "duplicate", "no manifest"])
def test_zips_that_are_traps_are_refused(folder, tmp_path, kind):
    with pytest.raises(InputError, match=r"^[^\n]+\.$"):
        load_bundle(trap(folder, tmp_path / "trap.zip", kind))
    assert [p.name for p in tmp_path.iterdir()] == ["trap.zip"]


def test_other_files_are_no_bundles(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK no zip")
    for path in (tmp_path / "b.zip", tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="bundle"):
            load_bundle(path)


def test_a_full_folder_is_never_overwritten(folder, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty"):
        save_bundle(load_bundle(folder), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.fixture
def refined(folder, tmp_path):
    """The same bundle with a refinement whose last layer is not zero."""
    torch.manual_seed(1)
    network = Refinement(2, RefinementConfig(4, (1, 2)))
    torch.nn.init.normal_(network.head.weight)
    return save_bundle(replace(load_bundle(folder), refinement=network.eval()), tmp_path / "refined")


def test_a_refinement_travels_with_the_bundle(folder, refined, tmp_path):
    bundle = load_bundle(zipped(refined, tmp_path / "refined.zip"))
    assert bundle.manifest.refinement == bundle.refinement.config == RefinementConfig(4, (1, 2))
    assert not bundle.refinement.training
    again = load_bundle(save_bundle(bundle, tmp_path / "again"))
    for name, tensor in bundle.weights().items():
        torch.testing.assert_close(again.weights()[name], tensor, rtol=0, atol=0)
    for name, tensor in load_bundle(folder).network.state_dict().items():
        torch.testing.assert_close(bundle.network.state_dict()[name], tensor, rtol=0, atol=0)
    halved = load_bundle(save_bundle(bundle, tmp_path / "half", half_precision=True))
    torch.testing.assert_close(halved.refinement.head.weight, bundle.refinement.head.weight, atol=2e-3, rtol=1e-3)


def test_without_a_refinement_a_bundle_is_written_and_read_as_ever(folder, refined):
    content = json.loads((folder / MANIFEST).read_text())
    assert content["format_version"] == 1
    assert "refinement" not in content
    assert load_bundle(folder).refinement is load_bundle(folder).manifest.refinement is None
    # Programs that know of no refinement refuse it by the version instead of leaving it out.
    assert json.loads((refined / MANIFEST).read_text())["format_version"] == 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-9]), "checksum"),
        (lambda f: edited(f, refinement={"features": 5, "dilations": [1, 2]}), "do not fit"),
        (lambda f: edited(f, refinement={"features": 4, "dilations": [1, 2, 4]}), "do not fit"),
        (lambda f: dropped(f, "refinement"), "do not fit"),
        (lambda f: edited(f, refinement={"features": 4}), "damaged"),
        (lambda f: edited(f, refinement={"features": 4, "dilations": [1, 2], "code": "x"}), "damaged"),
        (lambda f: edited(f, refinement={"features": 10**9, "dilations": [1, 2]}), "damaged"),
        (lambda f: edited(f, refinement={"features": 4, "dilations": [1, 10**9]}), "damaged"),
        (lambda f: edited(f, refinement={"features": 4, "dilations": [1] * 99}), "damaged"),
        (lambda f: edited(f, refinement={"features": 4, "dilations": []}), "damaged"),
        (lambda f: edited(f, refinement=None), "damaged"),
        (lambda f: edited(f, refinement=7), "damaged"),
    ],
)
def test_a_damaged_or_other_refinement_is_one_sentence(refined, damage, words):
    damage(refined)
    with pytest.raises(InputError, match=words) as caught:
        load_bundle(refined)
    assert "\n" not in str(caught.value)


def test_a_refinement_that_the_manifest_names_has_to_be_there(copy):
    edited(copy, refinement={"features": 4, "dilations": [1, 2]})
    with pytest.raises(InputError, match="do not fit"):
        load_bundle(copy)


def dropped(folder, name):
    content = json.loads((folder / MANIFEST).read_text())
    content.pop(name)
    (folder / MANIFEST).write_text(json.dumps(content))

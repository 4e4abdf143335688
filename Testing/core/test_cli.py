"""The command line: what it writes, and that wrong input ends in one sentence, status 2 and no file."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shutil
import stat
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import mmhvae
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.bundle import CARD, MANIFEST, WEIGHTS, Bundle, Manifest, save_bundle
from mmhvae.cli import main
from mmhvae.images import image_on, same_grid
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae.registration.transforms import write_transform
from mmhvae.shipped import starter_bundle

CORE = Path(mmhvae.__file__).parents[1]
CONFIG = MMHVAEConfig(
    modalities=("us", "t2", "flair"), image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4,
    decoder_blocks=1,
)  # fmt: skip
STORED = (1e-3, 1e-5)  # NIfTI stores origin and spacing (mm) in float32, and directions as quaternions
SIZE = (14, 16, 12)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    torch.manual_seed(0)
    made = Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests"), "# Tiny\n")
    return save_bundle(made, tmp_path_factory.mktemp("bundles") / "tiny")


def speckled(grid: sitk.Image, seed: int = 0) -> sitk.Image:
    shape = grid.GetSize()[::-1]
    return image_on(np.random.default_rng(seed).uniform(20, 250, shape).astype(np.float32), grid)


@pytest.fixture
def us(tmp_path, oblique):
    path = tmp_path / "us.nii.gz"
    sitk.WriteImage(speckled(oblique(1, SIZE)), str(path))
    return path


@pytest.fixture
def refused(run):
    """Check that a command ends as wrong input should, and return its sentence."""

    def check(*arguments: object, output: Path | None = None) -> str:
        before = files(output)
        status, _, errors = run(*arguments)
        require_one_sentence(status, errors)
        assert files(output) == before
        return errors

    return check


def require_one_sentence(status: int, errors: str) -> None:
    assert status == 2, errors
    assert errors.startswith("mmhvae: ")
    assert errors.endswith(".\n")
    assert errors.count("\n") == 1, errors
    assert "Traceback" not in errors


def files(folder: Path | None) -> list[str]:
    """Names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir()) if folder is not None and folder.is_dir() else []


def synthesis(bundle: Path, us: Path, output: Path, *more: object, targets: tuple[str, ...] = ("t2",)) -> list[object]:
    return ["synthesize", "--bundle", bundle, "--us", us, "--targets", *targets, "--output", output, *more]


# What it writes


@pytest.mark.parametrize("seed", range(3))
def test_synthesis_lies_on_the_input_grid(run, bundle, tmp_path, oblique, seed):
    us, output = tmp_path / "us.nii.gz", tmp_path / "new" / "out"
    sitk.WriteImage(speckled(oblique(seed, SIZE)), str(us))
    status, text, errors = run(*synthesis(bundle, us, output, "--samples", 2, targets=("t2", "flair")))
    assert (status, errors) == (0, "")
    assert "Not approved for clinical use" in text
    names = ["flair-uncertainty.nii.gz", "flair.nii.gz", "t2-uncertainty.nii.gz", "t2.nii.gz"]
    assert files(output) == names
    for name in names:
        image = sitk.ReadImage(str(output / name))
        assert same_grid(image, sitk.ReadImage(str(us)), (1e-5, 1e-5))
        assert same_grid(image, oblique(seed, SIZE), STORED)
        assert np.isfinite(sitk.GetArrayFromImage(image)).all()


def test_one_sample_writes_no_uncertainty(run, bundle, us, tmp_path):
    assert run(*synthesis(bundle, us, tmp_path / "out", "--samples", 1))[0] == 0
    assert files(tmp_path / "out") == ["t2.nii.gz"]


def test_mr_inputs_and_a_reference(run, bundle, us, tmp_path, oblique):
    moved, t2 = oblique(1, SIZE), tmp_path / "t2.mha"
    moved.SetOrigin([x + 2 for x in moved.GetOrigin()])
    sitk.WriteImage(speckled(moved, 5), str(t2))
    alone = ["synthesize", "--bundle", bundle, "--t2", t2, "--targets", "flair", "--temperature", 0]
    assert run(*alone, "--output", tmp_path / "mr")[0] == 0
    assert same_grid(sitk.ReadImage(str(tmp_path / "mr" / "flair.nii.gz")), moved, STORED)
    more = ["--t2", t2, "--reference", t2, "--temperature", 0]
    assert run(*synthesis(bundle, us, tmp_path / "both", *more, targets=("flair",)))[0] == 0
    assert same_grid(sitk.ReadImage(str(tmp_path / "both" / "flair.nii.gz")), moved, STORED)


def test_the_seed_decides(run, bundle, us, tmp_path):
    def voxels(name: str, seed: int) -> np.ndarray:
        assert run(*synthesis(bundle, us, tmp_path / name, "--seed", seed, "--samples", 1))[0] == 0
        return sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "t2.nii.gz")))

    first = voxels("a", 3)
    np.testing.assert_allclose(voxels("b", 3), first, atol=1e-5)
    assert np.abs(voxels("c", 4) - first).max() > 1e-3


@pytest.fixture(scope="module")
def displaced(tmp_path_factory):
    """Files of a fixed and a moving volume, and the true transform, fixed points -> moving points."""
    folder = tmp_path_factory.mktemp("displaced")
    noise = np.random.default_rng(0).standard_normal((64, 64, 64)).astype(np.float32)
    scene = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 3.0)
    scene = sitk.RescaleIntensity(scene, 1, 200)
    scene.SetOrigin([-20.0, 30.0, 5.0])
    true = sitk.Euler3DTransform([12.0, 62.0, 37.0], 0.03, -0.02, 0.04, [2.0, -1.5, 1.0])
    fixed = sitk.RegionOfInterest(scene, [48, 48, 44], [8, 8, 8])
    sitk.WriteImage(fixed, str(folder / "fixed.nii.gz"))
    moving = sitk.Resample(scene, scene, true.GetInverse(), sitk.sitkLinear, 0.0)
    sitk.WriteImage(moving, str(folder / "moving.nii.gz"))
    return folder / "fixed.nii.gz", folder / "moving.nii.gz", true


def landmarks(true: sitk.Transform) -> tuple[np.ndarray, np.ndarray]:
    fixed = np.array([[8.0, 55.0, 30.0], [18.0, 70.0, 40.0], [0.0, 62.0, 37.0], [14.0, 50.0, 45.0]])
    return fixed, np.array([true.TransformPoint(point) for point in fixed.tolist()])


def write_markups(points: np.ndarray, path: Path) -> Path:
    controls = [{"position": point, "positionStatus": "defined"} for point in points.tolist()]
    content = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": controls}]}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "more",
    [
        ["--preview", "--same-contrast"],
        ["--preview", "--prior", "5", "4"],
        ["--preview", "--metric", "lc2"],
        ["--preview", "--method", "adam"],
        ["--preview", "--uncertainty", "{fixed}"],
    ],
    ids=lambda options: options[1],
)
def test_ways_to_register(run, displaced, tmp_path, more):
    fixed, moving, true = displaced
    transform = tmp_path / "T.tfm"
    more = [option.format(fixed=fixed) for option in more]
    status, text, errors = run("register", "--fixed", fixed, "--moving", moving, "--output", transform, *more)
    assert (status, errors) == (0, "")
    assert "Similarity" in text
    fixed_points, moving_points = landmarks(true)
    found = sitk.ReadTransform(str(transform))
    mapped = np.array([found.TransformPoint(point) for point in fixed_points.tolist()])
    assert np.linalg.norm(mapped - moving_points, axis=1).mean() < 1.5


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--prior", "0", "3"], "above 0"),
        (["--prior", "3"], "--prior"),
        (["--prior", "3", "wide"], "--prior"),
        (["--metric", "nmi"], "--metric"),
        (["--method", "newton"], "--method"),
        (["--metric", "lc2", "--same-contrast"], "--same-contrast"),
        (["--uncertainty", "missing.nii.gz"], "missing.nii.gz"),
    ],
)
def test_ways_that_do_not_register(refused, displaced, tmp_path, more, words):
    pair = ["register", "--fixed", displaced[0], "--moving", displaced[1], "--output", tmp_path / "out" / "T.tfm"]
    assert words in refused(*pair, *more, output=tmp_path / "out")


def write_tag(moving: np.ndarray, fixed: np.ndarray, path: Path) -> Path:
    flip = [-1, -1, 1]  # tag files are in RAS
    rows = [" ".join(f"{x:.6f}" for x in (*m, *f)) + ' ""' for m, f in zip(moving * flip, fixed * flip, strict=True)]
    path.write_text("MNI Tag Point File\nVolumes = 2;\n\nPoints =\n" + "\n".join(rows) + ";\n")
    return path


def test_register_then_tre(run, displaced, tmp_path):
    fixed, moving, true = displaced
    transform, resampled = tmp_path / "new" / "T.tfm", tmp_path / "R.nii.gz"
    files_of_pair = ["--fixed", fixed, "--moving", moving, "--same-contrast"]
    status, text, errors = run("register", *files_of_pair, "--output", transform, "--resampled", resampled)
    assert (status, errors) == (0, "")
    assert "Not approved for clinical use" in text
    found = sitk.ReadTransform(str(transform))
    fixed_points, moving_points = landmarks(true)
    mapped = np.array([found.TransformPoint(point) for point in fixed_points.tolist()])
    assert np.linalg.norm(mapped - moving_points, axis=1).max() < 1
    image, back = sitk.ReadImage(str(fixed)), sitk.ReadImage(str(resampled))
    assert same_grid(image, back, STORED)
    inner = (slice(8, -8),) * 3
    assert (
        np.corrcoef(sitk.GetArrayFromImage(image)[inner].ravel(), sitk.GetArrayFromImage(back)[inner].ravel())[0, 1]
        > 0.95
    )
    tag = write_tag(moving_points, fixed_points, tmp_path / "L.tag")
    pair = [write_markups(fixed_points, tmp_path / "f.mrk.json"), write_markups(moving_points, tmp_path / "m.mrk.json")]
    reports = [run("tre", "--transform", transform, "--landmarks", *which) for which in ([tag], pair)]
    assert reports[0] == reports[1]
    assert reports[0][0] == 0
    before, after = (float(part.split()[-2]) for part in reports[0][1].splitlines()[-1].split("->"))
    assert before == pytest.approx(np.linalg.norm(fixed_points - moving_points, axis=1).mean(), abs=0.01)
    assert after < 1 < before
    assert "->" not in run("tre", "--landmarks", tag)[1]


def test_import_release_and_info(run, golden, tmp_path):
    assert run("import-release", golden / "CP_main_1000.pth", tmp_path / "release")[0] == 0
    assert files(tmp_path / "release") == sorted([MANIFEST, WEIGHTS, CARD])
    for path in (tmp_path / "release", golden / "CP_main_1000.pth"):
        status, text, errors = run("info", path)
        assert (status, errors) == (0, "")
        content = json.loads(text)
        assert content["architecture"]["fusion"] == "release"
        assert content["parameters"] > 1000


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help(argument, capsys):
    with pytest.raises(SystemExit) as left:
        main([argument])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert mmhvae.__version__ in text if argument == "--version" else "Not approved for clinical use" in text


def test_a_defect_is_status_1(run, bundle, us, tmp_path, monkeypatch):
    def broken(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("mmhvae.synthesis.synthesize", broken)
    status, _, errors = run(*synthesis(bundle, us, tmp_path / "out"))
    assert status == 1
    assert "ZeroDivisionError" in errors
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, mmhvae.Cancelled])
def test_an_interrupt_writes_nothing(run, bundle, us, tmp_path, monkeypatch, stop):
    def interrupted(fraction: float, message: str) -> None:
        if fraction > 0.2:
            raise stop

    monkeypatch.setattr("mmhvae.cli.report", interrupted)
    status, _, errors = run(*synthesis(bundle, us, tmp_path / "out"))
    assert (status, errors) == (130, "mmhvae: Cancelled.\n")
    assert files(tmp_path / "out") == []


# Volumes that cannot be used


def saved(image: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(image, str(path))
    return path


def filled(value: float, size: tuple[int, ...] = (12, 10, 8)) -> sitk.Image:
    return sitk.GetImageFromArray(np.full(size[::-1], value, np.float32))


def holed(value: float) -> sitk.Image:
    image = filled(50)
    image[3, 4, 5] = value
    return image


def spaced(spacing: list[float]) -> sitk.Image:
    image = filled(50)
    image.SetSpacing(spacing)
    return image


def bytes_as(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def cut(path: Path, share: float) -> Path:
    """A speckled volume, written, then cut off after a share of its bytes."""
    saved(speckled(filled(1)), path)
    content = path.read_bytes()
    return bytes_as(content[: int(share * len(content))], path)


def altered_gzip(path: Path) -> Path:
    plain = saved(speckled(filled(1)), path.with_suffix("")).read_bytes()
    packed = bytearray(gzip.compress(plain))
    packed[-8] ^= 0xFF  # the checksum
    return bytes_as(bytes(packed), path)


def nifti_spacing(value: float, path: Path) -> Path:
    content = bytearray(saved(filled(50), path).read_bytes())
    struct.pack_into("<f", content, 84, value)  # pixdim[2]
    return bytes_as(bytes(content), path)


def meta_spacing(path: Path) -> Path:
    content = saved(spaced([2.0, 2.0, 2.0]), path).read_bytes()
    return bytes_as(content.replace(b"ElementSpacing = 2 2 2", b"ElementSpacing = 0 2 2"), path)


BAD_VOLUMES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "no.nii.gz", "no file"),
    "name too long": (lambda d: d / ("n" * 300 + ".nii"), "no file"),
    "a folder": (lambda d: d, "cannot be read"),
    "garbage nifti": (lambda d: bytes_as(b"noise" * 200, d / "x.nii.gz"), "cannot be read"),
    "garbage mrc": (lambda d: bytes_as(np.random.default_rng(0).bytes(3000), d / "x.mrc"), "cannot be read"),
    "empty file": (lambda d: bytes_as(b"", d / "x.nrrd"), "cannot be read"),
    "cut nifti": (lambda d: cut(d / "x.nii", 0.9), "cut off"),
    "cut nifti.gz": (lambda d: cut(d / "x.nii.gz", 0.9), "cut off"),
    "cut meta": (lambda d: cut(d / "x.mha", 0.9), "cannot be read"),
    "cut nrrd": (lambda d: cut(d / "x.nrrd", 0.9), "cannot be read"),
    "wrong checksum": (lambda d: altered_gzip(d / "x.nii.gz"), "damaged"),
    "2-D": (lambda d: saved(filled(50)[:, :, 2], d / "x.nii.gz"), "2 dimensions"),
    "4-D": (lambda d: saved(sitk.JoinSeries([filled(50)] * 2), d / "x.nii.gz"), "4 dimensions"),
    "vector": (lambda d: saved(sitk.Compose([filled(50)] * 3), d / "x.nrrd"), "several values"),
    "complex": (lambda d: saved(sitk.Cast(filled(50), sitk.sitkComplexFloat32), d / "x.nii"), "several values"),
    "all zero": (lambda d: saved(filled(0), d / "x.nii.gz"), "zero everywhere"),
    "NaN": (lambda d: saved(holed(np.nan), d / "x.nii.gz"), "NaN or infinite"),
    "infinite": (lambda d: saved(holed(-np.inf), d / "x.nii.gz"), "NaN or infinite"),
    "beyond float32": (lambda d: saved(sitk.Cast(filled(50), sitk.sitkFloat64) * 1e300, d / "x.nrrd"), "infinite"),
    "one voxel thick": (lambda d: saved(filled(50, (12, 1, 8)), d / "x.mha"), "one voxel thick"),
    "nifti spacing 0": (lambda d: nifti_spacing(0, d / "x.nii"), "spacing"),
    "nifti spacing NaN": (lambda d: nifti_spacing(np.nan, d / "x.nii"), "spacing"),
    "meta spacing 0": (lambda d: meta_spacing(d / "x.mha"), "spacing of 0"),
    "10 m": (lambda d: saved(spaced([1.0, 1000.0, 1.0]), d / "x.nii.gz"), "10000"),
}


@pytest.mark.parametrize("kind", BAD_VOLUMES)
def test_bad_volumes(refused, bundle, tmp_path, kind):
    make, words = BAD_VOLUMES[kind]
    (tmp_path / "in").mkdir()
    sentence = refused(*synthesis(bundle, make(tmp_path / "in"), tmp_path / "out"), output=tmp_path / "out")
    assert words in sentence


@pytest.mark.parametrize("option", ["--fixed", "--moving", "--fixed-mask", "--moving-mask"])
def test_bad_volumes_are_no_better_in_registration(refused, displaced, tmp_path, option):
    given = {"--fixed": displaced[0], "--moving": displaced[1], option: nifti_spacing(0, tmp_path / "x.nii")}
    pairs = [part for pair in given.items() for part in pair]
    sentence = refused("register", *pairs, "--output", tmp_path / "out" / "T.tfm", output=tmp_path / "out")
    assert option.strip("-").split("-")[0] in sentence or "x.nii" in sentence


# Requests that cannot be met


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--targets", "swi"], "swi"),
        (["--targets", "cet1"], "does not know 'cet1'"),
        (["--targets"], "targets"),
        (["--frobnicate"], "nrecognized arguments"),
        (["--temperature", "-0.5"], "temperature"),
        (["--temperature", "nan"], "temperature"),
        (["--temperature", "1e300"], "temperature"),
        (["--temperature", "warm"], "temperature"),
        (["--samples", "0"], "at least 1"),
        (["--samples", "2.5"], "samples"),
        (["--seed", str(2**64)], "seed"),
        (["--slice-axis", "3"], "slice-axis"),
        (["--device", "abacus"], "abacus"),
        (["--reference", "nowhere.nii"], "nowhere.nii"),
        (["--bundle", "nowhere\nat all"], "nowhere at all"),
    ],
    ids=str,
)
def test_bad_requests(refused, bundle, us, tmp_path, change, words):
    assert words in refused(*synthesis(bundle, us, tmp_path / "out"), *change, output=tmp_path / "out")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["synthesize"],
        ["synthesize", "--targets", "t2", "--output", "{out}", "--bundle", "{bundle}"],
        ["synthesize", "--targets", "t2", "--output", "{out}", "--bundle", "{bundle}", "--t1", "{us}"],
        ["synthesize", "--targets", "t2", "--output", "{out}", "--bundle", "{bundle}", "--cet1", "{us}"],
        ["register", "--fixed", "{us}", "--output", "{out}/T.tfm"],
        ["tre"],
        ["info", "{us}"],
        ["info", "{out}"],
        ["import-release", "{us}", "{out}"],
        ["import-release", "{out}/CP_main_1000.pth", "{out}"],
    ],
    ids=" ".join,
)
def test_incomplete_requests(refused, bundle, us, tmp_path, arguments):
    places = {"out": tmp_path / "out", "us": us, "bundle": bundle}
    refused(*[argument.format(**places) for argument in arguments], output=tmp_path / "out")


# Output that cannot be written


def test_a_file_in_the_way(refused, bundle, us, tmp_path):
    (tmp_path / "out").write_text("mine")
    refused(*synthesis(bundle, us, tmp_path / "out"))
    refused(*synthesis(bundle, us, tmp_path / "out" / "deeper"))
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_in_the_way_of_one_file_leaves_no_other(refused, bundle, us, tmp_path):
    (tmp_path / "out" / "t2-uncertainty.nii.gz").mkdir(parents=True)
    refused(*synthesis(bundle, us, tmp_path / "out"))
    assert files(tmp_path / "out") == ["t2-uncertainty.nii.gz"]  # the folder itself


def test_a_result_never_replaces_an_input(refused, bundle, us, displaced, tmp_path):
    t2 = saved(speckled(sitk.ReadImage(str(us)), 3), tmp_path / "t2.nii.gz")
    before = t2.read_bytes()
    assert "overwritten" in refused(*synthesis(bundle, us, tmp_path, "--t2", t2), output=tmp_path)
    assert t2.read_bytes() == before
    pair = ["register", "--fixed", displaced[0], "--moving", displaced[1]]
    assert "overwritten" in refused(*pair, "--output", tmp_path / "T.tfm", "--resampled", displaced[1], output=tmp_path)


@pytest.mark.parametrize(
    ("name", "resampled", "words"),
    [("T.tfm", "R.mhd", "suffix"), ("T.tfm", "R", "suffix"), ("T.jpg", None, "suffix")],
)
def test_names_without_a_format(refused, displaced, tmp_path, name, resampled, words):
    more = ["--resampled", tmp_path / "out" / resampled] if resampled else []
    arguments = ["--fixed", displaced[0], "--moving", displaced[1], "--output", tmp_path / "out" / name, *more]
    assert words in refused("register", *arguments, output=tmp_path / "out")


@pytest.mark.parametrize("room", [400, 1200])
def test_a_full_disk_in_synthesis(refused, bundle, us, tmp_path, room, full_disk):
    with full_disk(room):
        sentence = refused(*synthesis(bundle, us, tmp_path / "out"), output=tmp_path / "out")
    assert "space" in sentence
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_full_disk_while_writing_the_resampled_image(refused, displaced, tmp_path, suffix, full_disk):
    pair = ["register", "--fixed", displaced[0], "--moving", displaced[1], "--output", tmp_path / "out" / "T.tfm"]
    with full_disk(1000):
        sentence = refused(*pair, "--resampled", tmp_path / "out" / f"R{suffix}", output=tmp_path / "out")
    assert "space" in sentence
    assert files(tmp_path / "out") == []


def test_a_full_disk_while_writing_the_transform(tmp_path, full_disk):
    with full_disk(10), pytest.raises(mmhvae.InputError):
        write_transform(sitk.Euler3DTransform(), tmp_path / "T.tfm")
    assert files(tmp_path) == []


def test_a_full_disk_while_importing(refused, golden, tmp_path, full_disk):
    with full_disk(1000):
        sentence = refused("import-release", golden / "CP_main_1000.pth", tmp_path / "release", output=tmp_path)
    assert "space" in sentence


# Bundles and checkpoints that cannot be used


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


# Transforms and landmarks that cannot be used


def bspline(path: Path) -> Path:
    transform = sitk.BSplineTransform(3)
    transform.SetTransformDomainMeshSize([2, 2, 2])
    sitk.WriteTransform(transform, str(path))
    return path


def scaling(path: Path) -> Path:
    sitk.WriteTransform(sitk.ScaleTransform(3, [1.1, 1, 1]), str(path))
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda d: d / "no.tfm",
        lambda d: bytes_as(b"#Insight Transform File V1.0\nTransform: Nonsense\n", d / "x.tfm"),
        lambda d: bytes_as(b"noise" * 99, d / "x.h5"),
        lambda d: bspline(d / "x.tfm"),
        lambda d: scaling(d / "x.tfm"),
    ],
    ids=["missing", "nonsense", "garbage", "not linear", "not rigid"],
)
def test_bad_initial_transforms(refused, displaced, tmp_path, make):
    pair = ["--fixed", displaced[0], "--moving", displaced[1], "--initial", make(tmp_path)]
    refused("register", *pair, "--output", tmp_path / "out" / "T.tfm", output=tmp_path / "out")


TAG = b"MNI Tag Point File\nVolumes = 2;\nPoints =\n"
BAD_LANDMARKS: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "binary": bytes(range(256)),
    "a word": TAG + b"1 2 three 4 5 6;",
    "five numbers": TAG + b"1 2 3 4 5;",
    "NaN": TAG + b"1 2 nan 4 5 6;",
    "no points": TAG + b";",
    "one volume": TAG.replace(b"2", b"1") + b"1 2 3;",
}
BAD_MARKUPS: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "no JSON": b"{",
    "no list": b"[]",
    "no points": b'{"markups": [{"type": "Fiducial", "controlPoints": []}]}',
    "a curve": b'{"markups": [{"type": "Curve", "controlPoints": [{"position": [1, 2, 3]}]}]}',
    "two numbers": b'{"markups": [{"controlPoints": [{"position": [1, 2]}]}]}',
    "not placed": b'{"markups": [{"controlPoints": [{"position": [1, 2, 3], "positionStatus": "undefined"}]}]}',
    "odd pairs": b'{"markups": [{"controlPoints": [{"position": [1, 2, 3]}, {"position": [1, 2, 3]}]}]}',
}


@pytest.mark.parametrize("kind", BAD_LANDMARKS)
def test_bad_tag_files(refused, tmp_path, kind):
    content, path = BAD_LANDMARKS[kind], tmp_path / "L.tag"
    if content is not None:
        path.write_bytes(content)
    refused("tre", "--landmarks", path)


@pytest.mark.parametrize("kind", BAD_MARKUPS)
def test_bad_markups(refused, tmp_path, kind):
    content, path = BAD_MARKUPS[kind], tmp_path / "moving.mrk.json"
    if content is not None:
        path.write_bytes(content)
    refused("tre", "--landmarks", write_markups(np.zeros((1, 3)), tmp_path / "fixed.mrk.json"), path)


def test_three_landmark_files_are_too_many(refused, tmp_path):
    assert "two .mrk.json" in refused("tre", "--landmarks", "a", "b", "c")


# As a program of its own


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mmhvae.cli", *map(str, arguments)]


def test_the_program_works_and_refuses_as_the_function_does(bundle, us, tmp_path):
    call = {"capture_output": True, "text": True, "env": environment(), "timeout": 100}
    done = subprocess.run(program(*synthesis(bundle, us, tmp_path / "out", "--samples", 1)), **call)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path / "out") == ["t2.nii.gz"]
    bad = bytes_as(np.random.default_rng(0).bytes(3000), tmp_path / "x.mrc")  # ITK prints warnings about it
    done = subprocess.run(program(*synthesis(bundle, bad, tmp_path / "no")), **call)
    require_one_sentence(done.returncode, done.stderr)
    assert not (tmp_path / "no").exists()


def test_killed_at_work_it_leaves_nothing(bundle, us, tmp_path):
    output = tmp_path / "out"
    process = subprocess.Popen(
        program(*synthesis(bundle, us, output, "--samples", 50)),
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not output.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None
    process.kill()
    assert process.wait(30) == -9
    assert [name for name in files(output) if not name.startswith(".")] == []


def test_killed_while_writing_it_leaves_nothing_under_a_final_name(bundle, us, tmp_path):
    """It kills itself after the second of its two files, before either has its name."""
    code = (
        "import os, signal, sys, SimpleITK as sitk, mmhvae.cli\n"
        "write, names = sitk.WriteImage, []\n"
        "def fatal(image, name, **options):\n"
        "    write(image, name, **options); names.append(name)\n"
        "    if len(names) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sitk.WriteImage = fatal\n"
        "sys.exit(mmhvae.cli.main(sys.argv[1:]))\n"
    )
    arguments = map(str, synthesis(bundle, us, tmp_path / "out", "--samples", 2))
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment(), timeout=100, check=False)
    assert done.returncode == -9
    left = files(tmp_path / "out")
    assert len(left) == 2
    assert all(name.startswith(".") for name in left)


def test_a_reader_that_has_seen_enough_is_no_defect(tmp_path):
    command = f"{sys.executable} -m mmhvae.cli info {starter_bundle()} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("{", "")

"""`mmhvae register` and `mmhvae tre`: ways that work, and ways that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import same_grid

from .calls import STORED, bytes_as, landmarks, write_markups, write_tag


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
        (["--prior", "0", "3"], "prior's translation is 0; give a number from 0.1 to 100 mm"),
        (["--prior", "3"], "--prior"),
        (["--prior", "3", "wide"], "prior's rotation is wide; give a number"),
        (["--prior", "3", "3", "--no-prior"], "not allowed with"),
        (["--metric", "nmi"], "metric is nmi; give correlation or lc2"),
        (["--method", "newton"], "method is newton; give gauss-newton or adam"),
        (["--metric", "lc2", "--same-contrast"], "--same-contrast"),
        (["--uncertainty", "missing.nii.gz"], "missing.nii.gz"),
    ],
)
def test_ways_that_do_not_register(refused, displaced, tmp_path, more, words):
    pair = ["register", "--fixed", displaced[0], "--moving", displaced[1], "--output", tmp_path / "out" / "T.tfm"]
    assert words in refused(*pair, *more, output=tmp_path / "out")


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

"""Landmark files and the target registration error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.registration import read_markups, read_tag, target_registration_error
from mmhvae.registration.landmarks import best_rigid_fit

LANDMARKS = Path(__file__).resolve().parents[4] / "shared" / "data" / "resect" / "landmarks"
TAG = 'MNI Tag Point File\nVolumes = 2;\n% a comment\n\nPoints =\n 1 2 3 4 5 6 ""\n -1 2.5 3 4 5 7 "a label";\n'


@pytest.mark.skipif(not LANDMARKS.is_dir(), reason="needs RESECT's landmarks in ../shared/data")
@pytest.mark.parametrize(
    ("case", "before", "after"),
    [(1, 1.82, 1.21), (2, 5.68, 1.37), (3, 9.58, 0.88), (12, 19.68, 1.01), (23, 7.01, 0.99), (25, 10.06, 1.32)],
)
def test_resect_distances(case: int, before: float, after: float) -> None:
    mri, ultrasound = read_tag(LANDMARKS / f"Case{case}-MRI-beforeUS.tag")
    identity = sitk.Transform(3, sitk.sitkIdentity)
    assert target_registration_error(identity, ultrasound, mri).mean() == pytest.approx(before, abs=0.006)
    fit = best_rigid_fit(ultrasound, mri)
    assert target_registration_error(fit, ultrasound, mri).mean() == pytest.approx(after, abs=0.006)


def test_tag_file_is_ras(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tag"
    path.write_text(TAG)
    first, second = read_tag(path)
    np.testing.assert_array_equal(first, [[-1, -2, 3], [1, -2.5, 3]])
    np.testing.assert_array_equal(second, [[-4, -5, 6], [-4, -5, 7]])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Points =\n 1 2 3 4 5 6;",
        TAG.replace("Volumes = 2", "Volumes = 1"),
        TAG.replace("2.5", "two"),
        TAG.replace("2.5", "nan"),
        TAG.replace(" 1 2 3 4 5 6", " 1 2 3 4 5"),
        "MNI Tag Point File\nVolumes = 2;\nPoints =\n;",
    ],
    ids=["empty", "no header", "one volume", "word", "nan", "five numbers", "no points"],
)
def test_bad_tag_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pairs.tag"
    path.write_text(text)
    with pytest.raises(InputError, match=r"pairs\.tag"):
        read_tag(path)


def markups(system: str = "LPS", **point: object) -> dict[str, object]:
    points = [{"label": "F-1", "position": [1.0, 2.0, 3.0], "positionStatus": "defined"} | point]
    return {"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": points}]}


@pytest.mark.parametrize(("system", "expected"), [("LPS", [1, 2, 3]), ("RAS", [-1, -2, 3])])
def test_markups_respect_their_coordinate_system(tmp_path: Path, system: str, expected: list[float]) -> None:
    path = tmp_path / "fixed.mrk.json"
    path.write_text(json.dumps(markups(system)))
    np.testing.assert_array_equal(read_markups(path), [expected])


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        "{}",
        '{"markups": [{"type": "Plane", "controlPoints": []}]}',
        json.dumps(markups("XYZ")),
        json.dumps(markups(position=[1, 2])),
        json.dumps(markups(position=[1, 2, "3"])),
        json.dumps(markups(positionStatus="undefined")),
        '{"markups": [{"type": "Fiducial", "controlPoints": []}]}',
        '{"markups": [{"type": "Fiducial", "controlPoints": [7]}]}',
    ],
)
def test_bad_markups(tmp_path: Path, content: str) -> None:
    path = tmp_path / "fixed.mrk.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"fixed\.mrk\.json"):
        read_markups(path)


def test_missing_and_binary_landmark_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check its name"):
        read_tag(tmp_path / "missing.tag")
    (tmp_path / "binary.tag").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a text file"):
        read_tag(tmp_path / "binary.tag")


def test_best_rigid_fit_recovers_a_known_transform() -> None:
    rng = np.random.default_rng(0)
    truth = sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.4, -0.7, 1.1, (5.0, 6.0, -7.0))
    fixed = rng.normal(scale=40, size=(7, 3))
    moving = np.array([truth.TransformPoint(p) for p in fixed.tolist()])
    assert target_registration_error(best_rigid_fit(fixed, moving), fixed, moving).max() < 1e-9
    # Mirrored landmarks must still give a rotation, never a reflection.
    mirrored = best_rigid_fit(fixed, fixed * [-1, 1, 1])
    assert np.linalg.det(np.array(mirrored.GetMatrix()).reshape(3, 3)) == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_or_collinear_landmarks(count: int) -> None:
    line = np.arange(count)[:, None] * np.array([[1.0, 2.0, 3.0]])
    with pytest.raises(InputError, match="not on one line"):
        best_rigid_fit(line, line)


def test_landmarks_must_come_in_pairs() -> None:
    with pytest.raises(InputError, match="2 fixed and 3 moving"):
        target_registration_error(sitk.Euler3DTransform(), np.zeros((2, 3)), np.zeros((3, 3)))

"""The outline in ultrasound by the command line and the engine: the same file and comparison, one-sentence refusals."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.answers import UltrasoundOutlineAnswer
from mmhvae.images import image_on
from mmhvae.overlays import compare_outlines, read_segmentation
from mmhvae.segmentation import load_ultrasound_segmenter, outline_ultrasound
from mmhvae.tasks import TASKS, BundleCache, Context, Parameters

from .bright_network import save_bright_network


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bright_network(tmp_path_factory.mktemp("weights") / "random")


@pytest.fixture
def files(oblique, tmp_path):
    """Ultrasound, and a pre-operative outline 5 mm beside where it belongs, with the transform that says so."""
    grid = oblique(2, (40, 36, 44))
    places = np.moveaxis(np.indices((44, 36, 40)), 0, -1) - np.array([22, 18, 20])
    seen, tumour = np.linalg.norm(places, axis=-1) < 17, np.linalg.norm(places, axis=-1) < 8
    levels = np.where(seen, np.random.default_rng(0).uniform(20, 60, seen.shape) + 150 * tumour, 0).astype(np.float32)
    sitk.WriteImage(image_on(levels, grid), str(tmp_path / "us.nrrd"))
    outline = image_on(tumour.astype(np.uint8), grid)
    x, y, z = grid.GetOrigin()
    outline.SetOrigin((x + 5, y, z))
    sitk.WriteImage(outline, str(tmp_path / "preop.nrrd"))
    transform = sitk.Euler3DTransform()
    transform.SetTranslation((5, 0, 0))
    sitk.WriteTransform(transform, str(tmp_path / "t.tfm"))
    return tmp_path


def test_command_engine_and_function_agree(bundle, files, run):
    us, output = files / "us.nrrd", files / "o.seg.nrrd"
    compared = ["--compare-with", files / "preop.nrrd"]
    status, said, _ = run("outline-us", "--us", us, "--bundle", bundle, "--output", output, "--flips", 1,
                          *compared, "--transform", files / "t.tfm", "--device", "cpu")  # fmt: skip
    assert status == 0
    context = Context(BundleCache(), files / "engine", lambda fraction, message: None)
    request = {
        "ultrasound": str(us),
        "bundle": str(bundle),
        "flips": 1,
        "compare_with": {"layer": str(files / "preop.nrrd")},
    }
    answer = TASKS["outline_ultrasound"](Parameters(request | {"device": "cpu"}), context)
    assert UltrasoundOutlineAnswer.from_json(json.loads(json.dumps(answer.to_json()))) == answer
    image = sitk.ReadImage(str(us))
    expected = outline_ultrasound(image, load_ultrasound_segmenter(bundle), device="cpu", settings=answer.settings)
    for path in (answer.labels, output):
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(sitk.ReadImage(str(path))), sitk.GetArrayFromImage(expected.labels)
        )
    assert sitk.GetArrayViewFromImage(expected.labels).any()
    assert read_segmentation(output).name(0, 1) == answer.segment.name == "Tumour in the ultrasound (computed)"
    other = sitk.ReadImage(str(files / "preop.nrrd"))
    transform = sitk.ReadTransform(str(files / "t.tfm"))
    moved = compare_outlines(expected.labels, other, expected.field_of_view, transform)
    numbers = [
        float(number) for number in re.search(r"distance (\S+) mm, 95 % within (\S+) mm, Dice (\S+) in", said).groups()
    ]
    assert numbers == [round(moved.mean_mm, 1), round(moved.percentile_95_mm, 1), round(moved.dice, 2)]
    assert answer.agreement == compare_outlines(expected.labels, other, expected.field_of_view)
    assert answer.agreement.dice < moved.dice


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--output", "o.nii.gz"], "name it .seg.nrrd"),
        (["--output", "o.seg.nrrd", "--transform", "t.tfm"], "give that, too"),
        (["--output", "o.seg.nrrd", "--bundle", "nowhere"], "There is no bundle"),
        (["--output", "o.seg.nrrd", "--compare-with", "us.nrrd"], "negative or broken numbers"),
        (["--output", "o.seg.nrrd", "--uncertainty", "o.seg.nrrd"], "both outline and uncertainty"),
    ],
)
def test_wrong_requests_are_one_sentence(bundle, files, run, monkeypatch, options, words):
    monkeypatch.chdir(files)
    given = options if "--bundle" in options else [*options, "--bundle", bundle]
    status, _, complaint = run("outline-us", "--us", "us.nrrd", *given)
    assert (status, complaint.count("\n")) == (2, 1)
    assert words in complaint
    assert not list(files.glob("o*"))

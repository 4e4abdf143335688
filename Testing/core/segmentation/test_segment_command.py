"""The outline by the command line and the engine: files with names, colours and terms; the same by both doors."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.cli import main
from mmhvae.overlays import read_segmentation
from mmhvae.segmentation import SEGMENTS, as_segmentation, save_segmenter
from mmhvae.settings import SegmentationSettings
from mmhvae.tasks import TASKS, BundleCache, Context, Parameters

from .phantom import head, oblique_grid, segmenter, truth


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_segmenter(segmenter(), tmp_path_factory.mktemp("b") / "segmenter")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("i") / "flair.nii.gz"
    sitk.WriteImage(head(oblique_grid(2)), str(path))
    return path


def test_the_file_names_colours_and_codes_its_segments_and_reads_back(tmp_path):
    grid = oblique_grid(0, mirrored=True)
    labels = sitk.GetImageFromArray(truth(grid))
    labels.CopyInformation(grid)
    path = tmp_path / "outline.seg.nrrd"
    sitk.WriteImage(as_segmentation(labels), str(path))
    again = read_segmentation(path)
    assert len(again.layers) == 1
    assert [again.name(0, kind.value) for kind in SEGMENTS] == [kind.name for kind in SEGMENTS]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again.layers[0]), truth(grid))
    header = path.read_bytes().split(b"\n\n")[0].decode()
    assert "Segment2_Color:=0.564706 0.933333 0.564706" in header
    assert "SCT^49755003^Morphologically Altered Structure~SCT^79654002^Edema" in header


def test_the_command_and_the_engine_write_the_same_outline(bundle, image, tmp_path, capsys):
    output, uncertainty = tmp_path / "o.seg.nrrd", tmp_path / "u.nii.gz"
    given = ["segment", "--flair", str(image), "--bundle", str(bundle), "--output", str(output), "--flips", "1"]
    assert main([*given, "--uncertainty", str(uncertainty)]) == 0
    assert "from FLAIR" in capsys.readouterr().out
    context = Context(BundleCache(), tmp_path / "1", lambda fraction, message: None)
    request = {"inputs": {"flair": str(image)}, "bundle": str(bundle), "flips": 1}
    answer = TASKS["segment"](Parameters(request), context)
    json.dumps(answer.to_json())
    by_engine, by_command = (sitk.ReadImage(str(path)) for path in (answer.labels, output))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(by_engine), sitk.GetArrayFromImage(by_command))
    np.testing.assert_allclose(by_engine.GetDirection(), by_command.GetDirection(), atol=1e-6)
    assert answer.settings == SegmentationSettings(flips=1)
    assert sitk.ReadImage(str(uncertainty)).GetSize() == by_command.GetSize()


def test_what_the_files_are_called_makes_no_difference(bundle, image, tmp_path):
    """Names that say another contrast included: what an image is, its option says alone."""
    other = tmp_path / "t2.nii.gz"
    sitk.WriteImage(head(oblique_grid(5), gain=3.0), str(other))
    found = []
    for flair, t2 in (("flair", "t2"), ("T2_0007", "flair ceT1")):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        given = [shutil.copy(path, folder / f"{name}.nii.gz") for path, name in ((image, flair), (other, t2))]
        output = folder / f"{t2}.seg.nrrd"
        options = ["--flair", str(given[0]), "--t2", str(given[1]), "--bundle", str(bundle), "--flips", "1"]
        assert main(["segment", *options, "--output", str(output)]) == 0
        found.append(sitk.GetArrayFromImage(sitk.ReadImage(str(output))))
    assert found[0].any()
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--output", "o.nii.gz", "--flair", "IMAGE"], "name it .seg.nrrd"),
        (["--output", "o.seg.nrrd"], "No MR was given"),
        (["--output", "o.seg.nrrd", "--t2", "none.nii.gz"], "There is no file"),
        (["--output", "o.seg.nrrd", "--t2", "patient-us.nii.gz"], "ultrasound by its name"),
        (["--output", "o.seg.nrrd", "--flair", "IMAGE", "--flips", "9"], "flips"),
        (["--output", "o.seg.nrrd", "--flair", "IMAGE", "--bundle", "none"], "There is no bundle"),
    ],
)
def test_wrong_requests_are_one_sentence(options, words, bundle, image, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = [str(image) if option == "IMAGE" else option for option in options]
    if "--bundle" not in chosen:
        chosen += ["--bundle", str(bundle)]
    assert main(["segment", *chosen]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("o*"))

"""Requests that cannot be met, and outputs that cannot be written: one sentence, and nothing is lost."""

from __future__ import annotations

import mmhvae
import pytest
import SimpleITK as sitk
from mmhvae.images import write_transform

from .calls import files, saved, speckled, synthesis


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
        (["--samples", "0"], "number of samples is 0; give a whole number from 1 to 50"),
        (["--samples", "2.5"], "samples"),
        (["--seed", str(2**64)], "seed"),
        (["--slice-axis", "3"], "slice axis is 3; give 0, 1, 2 or all"),
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
    assert "no file may be larger than" in sentence
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_full_disk_while_writing_the_resampled_image(refused, displaced, tmp_path, suffix, full_disk):
    pair = ["register", "--fixed", displaced[0], "--moving", displaced[1], "--output", tmp_path / "out" / "T.tfm"]
    with full_disk(1000):
        sentence = refused(*pair, "--resampled", tmp_path / "out" / f"R{suffix}", output=tmp_path / "out")
    assert "no file may be larger than" in sentence
    assert files(tmp_path / "out") == []


def test_a_full_disk_while_writing_the_transform(tmp_path, full_disk):
    with full_disk(10), pytest.raises(mmhvae.InputError):
        write_transform(sitk.Euler3DTransform(), tmp_path / "T.tfm")
    assert files(tmp_path) == []

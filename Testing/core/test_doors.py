"""One door for every kind of file: the same refusal at each entrance - Python, the command line, the engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError, InputNotice
from mmhvae.images import check_volume, open_image, read_grid, read_transform, read_volume
from mmhvae.overlays import overlay, read_segmentation
from mmhvae.protocol import Message
from mmhvae.registration import read_landmarks, register_rigid, target_registration_error
from mmhvae.sweep import read_calibration
from mmhvae.tasks import TASKS, BundleCache, Context, Parameters

from . import bad_files as bad
from .commands.calls import CONFIG, CORE, require_one_sentence

pytestmark = pytest.mark.filterwarnings("ignore::mmhvae.InputNotice")
IDENTITY = sitk.Euler3DTransform()


@pytest.fixture(scope="module")
def bundle(tiny_bundle) -> Path:
    return tiny_bundle(CONFIG)


@pytest.fixture
def engine(tmp_path):
    """``engine(method, **parameters)`` as the worker calls it."""

    def ask(method: str, **parameters: object) -> Message:
        context = Context(BundleCache(), tmp_path / "engine", lambda fraction, message: None)
        return TASKS[method](Parameters(parameters), context)

    return ask


@pytest.fixture
def good(tmp_path):
    """Files without fault: a volume, an identity transform, a label map."""
    folder = tmp_path / "good"
    folder.mkdir()
    sitk.WriteTransform(IDENTITY, str(folder / "id.tfm"))
    us = bad.grey()
    return bad.written(folder, "us.nii.gz", us), folder / "id.tfm", bad.written(folder, "labels.nrrd", us > 100)


def refused(call: Callable[[], object], words: str) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.is_dir() else []


@pytest.mark.parametrize("fault", bad.IMAGES)
def test_images(run, engine, bundle, good, tmp_path, fault):
    make, words = bad.IMAGES[fault]
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    path, (us, still, labels) = make(folder), good
    refused(lambda: read_volume(path, "us image"), words)
    refused(lambda: read_grid(path), words)
    refused(
        lambda: engine("synthesize", bundle=str(bundle), inputs={"us": str(path)}, targets=["t2"], device="cpu"), words
    )
    for arguments in (
        ("synthesize", "--bundle", bundle, "--us", path, "--targets", "t2", "--output", out),
        ("register", "--fixed", us, "--moving", path, "--output", out / "T.tfm"),
        ("register-case", "--us", us, "--t2", path, "--output", out),
        ("overlay", "--segmentation", labels, "--transform", still, "--reference", path, "--output", out / "o.nii.gz"),
    ):
        status, _, errors = run(*arguments)
        require_one_sentence(status, errors)
        assert words in errors
        assert [name for name in left_in(out) if not (out / name).is_dir()] == []


@pytest.mark.parametrize("form", ["qform", "sform"])
def test_the_form_of_a_nifti_file_can_be_chosen(form, tmp_path):
    path = bad.nifti(tmp_path, sform_code=2, srow=bad.rows(shift=-20))
    expected = {"qform": -8.3, "sform": 11.7}[form]
    assert open_image(path, nifti_form=form).GetOrigin() == pytest.approx((expected, 91.0, 32.4), abs=1e-4)
    half = bad.nifti(tmp_path, qform_code=0, srow=bad.rows(0.5))
    assert open_image(half, nifti_form=form).GetSpacing() == pytest.approx([{"qform": 1.0, "sform": 0.5}[form]] * 3)
    neither = bad.nifti(tmp_path, qform_code=0, sform_code=0)
    assert open_image(neither, nifti_form=form).GetOrigin() == pytest.approx((-8.3, 91.0, 32.4), abs=1e-4)
    refused(lambda: open_image(path, nifti_form="both"), "choose qform or sform")


@pytest.mark.parametrize("form", ["qform", "sform"])
def test_the_form_can_be_chosen_on_the_command_line(run, good, form, tmp_path):
    path, output = bad.nifti(tmp_path, sform_code=2, srow=bad.rows(shift=-20)), tmp_path / "o.nrrd"
    options = ("--transform", good[1], "--reference", path, "--output", output, "--nifti-form", form)
    assert run("overlay", "--segmentation", good[2], *options)[0] == 0
    expected = {"qform": -8.3, "sform": 11.7}[form]
    assert sitk.ReadImage(str(output)).GetOrigin() == pytest.approx((expected, 91.0, 32.4), abs=1e-4)


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_a_vector_of_one_is_a_number(tmp_path, suffix):
    array = (bad.speckle() > 100).astype(np.uint8)
    path = bad.written(tmp_path, f"x.{suffix}", sitk.GetImageFromArray(array[..., None], isVector=True))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(path)), array)


def test_less_than_half_a_voxel_is_rounding(tmp_path):
    assert open_image(bad.nifti(tmp_path, sform_code=1, srow=bad.rows(shift=0.4))).GetSize() == bad.SIZE


@pytest.mark.parametrize("fault", bad.TRANSFORMS)
def test_transforms(run, good, tmp_path, fault):
    make, words = bad.TRANSFORMS[fault]
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    path, us = make(folder), good[0]
    refused(lambda: read_transform(path), words)
    points = bad.markups(tmp_path, "p.mrk.json", bad.POINTS)
    for arguments in (
        ("tre", "--transform", path, "--landmarks", points, points),
        ("register", "--fixed", us, "--moving", us, "--initial", path, "--output", out / "T.tfm"),
    ):
        status, _, errors = run(*arguments)
        require_one_sentence(status, errors)
        assert words in errors
        assert left_in(out) == []
    if path.suffix == ".tfm" and fault not in ("empty", "a pipe"):
        refused(lambda: read_calibration(path), words)


def test_a_composite_is_all_of_its_parts(tmp_path):
    transform = read_transform(bad.several_in_hdf5(tmp_path))
    assert transform.TransformPoint((0.0, 0.0, 0.0)) == (10.0, 5.0, 0.0)


@pytest.mark.parametrize("fault", bad.SEGMENTATIONS)
def test_segmentations(run, engine, good, tmp_path, fault):
    make, words = bad.SEGMENTATIONS[fault]
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    path = make(folder)
    refused(lambda: read_segmentation(path), words)
    matrix = np.eye(4).ravel().tolist()
    refused(
        lambda: engine("overlay", layers={"1": str(path)}, transform=matrix, size=[9, 9, 9], place=matrix),
        words if fault != "DICOM" else "DICOM",
    )
    options = ("--transform", good[1], "--reference", good[0], "--output", out / "o.nii.gz")
    case = ("--us", good[0], "--t2", good[0], "--method", "direct", "--output", out)
    for arguments in (("overlay", "--segmentation", path, *options), ("register-case", "--moves-along", path, *case)):
        status, _, errors = run(*arguments)
        require_one_sentence(status, errors)
        assert words in errors
        assert left_in(out) == []


@pytest.mark.parametrize("labels", [3, 20, 200])
def test_parcellations_are_segmentations(tmp_path, labels):
    """Regions around as many random seeds, numbered at random: the finest is a few voxels wide."""
    rng = np.random.default_rng(labels)
    seeds = rng.uniform(0, 30, (labels, 3))
    places = np.stack(np.meshgrid(*[np.arange(30)] * 3, indexing="ij"), -1).reshape(-1, 3)
    nearest = ((places[:, None] - seeds[None]) ** 2).sum(-1).argmin(1)
    numbers = rng.permutation(254)[:labels] + 1
    image = sitk.GetImageFromArray(numbers[nearest].reshape(30, 30, 30).astype(np.uint8))
    found = read_segmentation(bad.written(tmp_path, "x.nii.gz", image))
    assert len(np.unique(sitk.GetArrayFromImage(found.layers[0]))) == labels


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image.SetSpacing([1e-6] * 3), "correct its voxel spacing"),
        (lambda image: image.SetSpacing([1e3] * 3), "correct its voxel spacing"),
        (lambda image: image.SetOrigin([np.nan, 0, 0]), "lies nowhere"),
    ],
)
def test_images_in_python_are_looked_at_like_files(change, words):
    image, labels = bad.grey(), bad.label_map()
    change(odd := bad.grey())
    change(odd_labels := bad.label_map())
    refused(lambda: overlay(labels, IDENTITY, odd), words)
    refused(lambda: overlay(odd_labels, IDENTITY, image), words)
    refused(lambda: register_rigid(odd, image, device="cpu"), words)
    refused(lambda: register_rigid(image, odd, device="cpu"), words)
    refused(lambda: check_volume(odd), words)


LANDMARKS = {
    "centimetres": ({"coordinateUnits": ["cm", "cm", "UCUM", "centimeter"]}, 0.1),
    "micrometres": ({"coordinateUnits": "um"}, 1000.0),
    "millimetres": ({"coordinateUnits": "mm"}, 1.0),
    "metres": ({"coordinateUnits": "m"}, 0.001),
}


@pytest.mark.parametrize("unit", LANDMARKS)
def test_points_come_in_any_unit_that_is_stated(run, tmp_path, unit):
    more, scale = LANDMARKS[unit]
    scaled = [{**p, "position": [scale * x for x in p["position"]]} for p in bad.POINTS]
    paths = bad.markups(tmp_path, "f.mrk.json", bad.POINTS), bad.markups(tmp_path, "m.mrk.json", scaled, **more)
    fixed, moving = read_landmarks(paths)
    assert target_registration_error(IDENTITY, fixed, moving).max() == pytest.approx(0, abs=1e-9)
    assert "mean      0.00 mm" in run("tre", "--landmarks", *paths)[1]


def test_points_are_paired_by_their_labels(run, tmp_path):
    fixed = bad.markups(tmp_path, "f.mrk.json", bad.POINTS)
    other = bad.markups(tmp_path, "m.mrk.json", [bad.POINTS[n] for n in (1, 0, 2)])
    status, output, errors = run("tre", "--landmarks", fixed, other)
    assert (status, "mean      0.00 mm" in output, "by their labels" in errors) == (0, True, True)
    renamed = bad.markups(tmp_path, "r.mrk.json", [bad.POINTS[1], bad.POINTS[0], bad.point("D", 0, 0, 1)])
    for call in (lambda: read_landmarks([fixed, renamed]),):
        refused(call, "another place in the moving list")
    foreign = bad.markups(tmp_path, "g.mrk.json", [{**p, "label": f"M-{n}"} for n, p in enumerate(bad.POINTS)])
    assert np.array_equal(*read_landmarks([fixed, foreign]))
    small = [{**bad.POINTS[n], "label": f" {bad.POINTS[n]['label'].lower()}"} for n in (2, 0, 1)]
    with pytest.warns(InputNotice, match="by their labels"):
        assert np.array_equal(*read_landmarks([fixed, bad.markups(tmp_path, "s.mrk.json", small)]))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"coordinateUnits": "parsec"}, "in the unit 'parsec'"),
        ({"coordinateSystem": "IJK"}, "coordinate system IJK"),
        ({"controlPoints": []}, "no points"),
        ({"controlPoints": [{"label": "A", "position": [True, 1, 2]}]}, "has no position"),
    ],
)
def test_point_lists_that_cannot_be_placed(run, tmp_path, more, words):
    path = bad.markups(tmp_path, "x.mrk.json", bad.POINTS, **more)
    refused(lambda: read_landmarks([path, path]), words)
    status, _, errors = run("tre", "--landmarks", path, path)
    require_one_sentence(status, errors)
    assert words in errors


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: bad.text(d, "x.fcsv", "# Markups fiducial file version = 4.10"), "older versions of 3D Slicer"),
        (lambda d: bad.text(d, "x.csv", "1,2,3"), "not a point list of 3D Slicer"),
        (lambda d: bad.pipe(d, "x.mrk.json"), "There is no landmark file"),
        (lambda d: bad.markups(d, "x.mrk.json", bad.POINTS, type="Line"), "not a point list of 3D Slicer"),
        (lambda d: bad.markups(d, "x.mrk.json", bad.POINTS, coordinateUnits="[in_i]"), "in the unit '[in_i]'"),
        (lambda d: bad.markups(d, "x.mrk.json", bad.POINTS, coordinateSystem="0"), "coordinate system 0"),
    ],
)
def test_what_is_no_list_of_points(run, tmp_path, make, words):
    path = make(tmp_path)
    refused(lambda: read_landmarks([path, path]), words)
    status, _, errors = run("tre", "--landmarks", path, path)
    require_one_sentence(status, errors)
    assert words in errors


def test_one_list_of_points_is_no_pair(tmp_path):
    refused(lambda: read_landmarks([bad.markups(tmp_path, "x.mrk.json", bad.POINTS)]), "or two .mrk.json files")


ROWS = ' 1 2 3 4 5 6 ""\n -1 2.5 3 4 5 7 "a; label % of it";\n'
TAGS = {
    "Latin-1": "MNI Tag Point File\nVolumes = 2;\n% résumé\nPoints =\n" + ROWS,
    "the word in a comment": "MNI Tag Point File\nVolumes = 2;\n% Points picked by hand\n\nPoints =\n" + ROWS,
    "a comment that looks like the list": "MNI Tag Point File\nVolumes = 2;\n%Points = 1 2 3;\nPoints =\n" + ROWS,
    "a comment among the points": "MNI Tag Point File\nVolumes = 2;\nPoints =\n% 9 9 9 9 9 9\n" + ROWS,
    "one line": "MNI Tag Point File\r\nVolumes = 2;\r\nPoints =\r\n" + ROWS.replace("\n", "\r\n"),
}


@pytest.mark.parametrize(
    "encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
@pytest.mark.parametrize("kind", TAGS)
def test_tag_files_with_any_comment_and_encoding(tmp_path, kind, encoding):
    path = bad.bytes_in(tmp_path, "x.tag", TAGS[kind].encode(encoding))
    fixed, moving = read_landmarks([path])
    np.testing.assert_array_equal(moving, [[-1, -2, 3], [1, -2.5, 3]])
    np.testing.assert_array_equal(fixed, [[-4, -5, 6], [-4, -5, 7]])


#: Calls that belong to one file, and who else may make them.
ONE_HOME = {
    r"sitk\.(ReadImage|WriteImage|ReadTransform|WriteTransform|ImageFileReader)\(": {"images/itk_files.py"},
    r"\.writing-|NamedTemporaryFile|os\.replace\(": {
        "mmhvae/files.py", "bundle/store.py", "bundle/download.py", "engine/jobs.py", "setup/staging.py",
    },
    # The door itself, and what is written into a folder that becomes whole, or is gone, as one.
    r"\.write_(text|bytes)\(": {
        "mmhvae/files.py", "bundle/download.py", "bundle/members.py", "export/monai_bundle.py", "setup/staging.py",
        "setup/package_install.py", "setup/network_install.py",
    },
}  # fmt: skip


@pytest.mark.parametrize("call", ONE_HOME)
def test_nobody_reads_or_replaces_files_but_through_the_doors(call):
    folders = ("MMHVAESynthesis", "MMHVAERegistration", "Training")
    files = [file for folder in folders for file in (Path(__file__).parents[2] / folder).rglob("*.py")]
    found = {file.as_posix() for file in files if re.search(call, file.read_text(encoding="utf-8"))}
    assert [file for file in sorted(found) if not file.endswith(tuple(ONE_HOME[call]))] == []


#: Reads every file of the tables by ITK alone, and by our door; prints those about which ITK said something, and we.
WARNED = """
import sys, tempfile, warnings
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import bad_files as bad
from mmhvae import InputError
from mmhvae.images import itk_files, open_image, read_transform

CRASHING = ("NaN", "numbers", "comma", "dimensions", "into HDF5")  # at which ITK alone writes beyond its memory
sitk = itk_files.sitk
readers = [(bad.IMAGES, sitk.ReadImage, open_image), (bad.TRANSFORMS, sitk.ReadTransform, read_transform)]
for table, alone, door in readers:
    for fault, (make, _) in table.items():
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder))
            if not path.is_file() or any(word in fault for word in CRASHING):
                continue
            with itk_files.heard() as words:
                try:
                    alone(str(path))
                except (RuntimeError, KeyError, UnicodeError):
                    pass
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                try:
                    door(path)
                except InputError as error:
                    told.append(error)
            if any("WARNING" in line for line in words):
                print(fault, "told" if told else "SILENT", sep=": ")
"""


def test_where_itk_warns_we_speak():
    """In a process of its own: once a full disk has kept the C++ library from printing, it prints no more."""
    done = subprocess.run(
        [sys.executable, "-c", WARNED, str(Path(__file__).parent)], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(CORE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) >= 4, lines
    assert [line for line in lines if not line.endswith(": told")] == []

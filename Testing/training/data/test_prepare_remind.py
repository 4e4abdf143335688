"""ReMIND's tree to prepared cases: what is chosen, where everything lands, what is said of what cannot be used."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import prepare_remind
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images.intensities import WHITE_MATTER_LEVEL
from mmhvae.images.volumes import field_of_view
from mmhvae_training.data.case_folder import write_case
from mmhvae_training.data.label_maps import find_label_map
from mmhvae_training.data.miniature import GREY_VALUES, SERIES, grid_points, write_miniature
from mmhvae_training.data.preparation import Settings, carried, prepare_case
from mmhvae_training.data.remind import read_remind_case, remind_cases
from mmhvae_training.data.series import REMIND_SERIES, pick_series
from mmhvae_training.data.slices import load_case
from mmhvae_training.data.source import SourceCase

COARSE = Settings(spacing=1.5, matrix=40)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    """A right-handed and a left-handed case, complete and incomplete, prepared; the phantoms they show."""
    folder = tmp_path_factory.mktemp("miniature")
    phantoms = write_miniature(folder, cases=2)
    with pytest.MonkeyPatch.context() as patch:
        arguments = {"remind": "nrrd", "transforms": "registration", "output": "prepared"}
        options = [text for name, where in arguments.items() for text in (f"--{name}", str(folder / where))]
        patch.setattr(sys, "argv", ["prepare_remind.py", *options])
        prepare_remind.main()
    return folder, phantoms


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("Case001-preop-MR-3D_SAG_T2_SPACE", "t2"),
        ("Case003-preop-MR-3D_AX_T2_SPACE-r", "t2"),
        ("Case088-preop-MR-3D_AX_T2", None),
        ("Case001-preop-MR-2D_COR_T2_BLADE", None),
        ("Case096-preop-MR-3D_AX_T2_FLAIR", "flair"),
        ("Case062-preop-MR-3D_SAG_T2_FLAIR-r", "flair"),
        ("Case062-preop-MR-3D_SAG_T2_SPACE_FLAIR", "flair"),
        ("Case042-preop-MR-2D_AX_T2_FLAIR", None),
        ("Case092-preop-MR-3D_SAG_T1_postcontrast", "cet1"),
        ("Case032-preop-MR-3D_AX_T1_precontrast", None),
        ("Case012-preop-MR-3D_SAG_T1_MP2RAGE", None),
        ("Case001-preop-SEG-tumor-MR-3D_SAG_T2_SPACE", None),
        ("Case001-preop-MR-3D_SAG_T2_SPACE-synthseg", None),
    ],
)
def test_names_of_series_say_which_modality_they_are(name, modality):
    assert [key for key, rule in REMIND_SERIES.items() if rule.accepts(name)] == ([modality] if modality else [])


def test_of_several_series_the_finest_is_chosen(tmp_path):
    for name, spacing in {"a_3D_T2_SPACE": 1.0, "b_3D_T2_SPACE": 0.8, "c_3D_T2_SPACE": 0.9}.items():
        image = sitk.Image(4, 4, 4, sitk.sitkUInt8)
        image.SetSpacing([spacing, spacing, 1.0])
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    (tmp_path / "d_3D_T2_SPACE.nrrd").write_text("NRRD0004\nnothing\n")
    problems: list[str] = []
    assert pick_series(tmp_path.iterdir(), problems)["t2"].name == "b_3D_T2_SPACE.nrrd"
    assert len(problems) == 1
    assert "d_3D_T2_SPACE.nrrd cannot be read" in problems[0]


def far_from_edges(phantom, points: np.ndarray, reach: float) -> np.ndarray:
    """Points (N,) around which all tissue is alike: their neighbours in 26 directions are of the same kind."""
    steps = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3)
    around = [phantom.tissue(points + reach * s / max(1, np.linalg.norm(s))) for s in steps]
    return np.all(np.equal(around, phantom.tissue(points)), axis=0)


def test_every_voxel_shows_the_tissue_that_lies_there(miniature):
    folder, phantoms = miniature
    for phantom in phantoms:
        case = folder / "prepared" / phantom.name
        assert {p.name.removesuffix(".nii.gz") for p in (case / "harmonised").iterdir()} == set(phantom.subset)
        for name in phantom.subset:
            image = sitk.ReadImage(str(case / f"{name}.nii.gz"), sitk.sitkFloat32)
            assert (image.GetSize()[:2], image.GetSpacing()) == ((192, 192), (0.5, 0.5, 0.5))
            everything = sitk.GetArrayFromImage(image).ravel()
            some = np.random.default_rng(0).choice(np.flatnonzero(everything), 8000, replace=False)
            points, values = grid_points(image, some), everything[some]
            inner = far_from_edges(phantom, points, 4.5)  # interpolation reaches no farther than a voxel's diagonal
            expected = np.array(GREY_VALUES[name])[phantom.tissue(points)]
            assert inner.sum() > 2000
            assert len(set(expected[inner])) >= 2  # tissue and tumour, at least
            assert np.abs(values[inner] / expected[inner] - 1).max() < 0.2  # noise of 3 %, interpolated
            harmonised = sitk.GetArrayFromImage(sitk.ReadImage(str(case / "harmonised" / f"{name}.nii.gz"))).ravel()
            white = inner & (phantom.tissue(points) == 2)
            assert np.median(harmonised[some][white]) == pytest.approx(WHITE_MATTER_LEVEL[name], rel=0.01)
            assert (harmonised[everything == 0] == 0).all()


def shown(image: sitk.Image, above: float = 0) -> np.ndarray:
    """Centres (N, 3) of the voxels above ``above``."""
    return grid_points(image, np.flatnonzero(sitk.GetArrayFromImage(image) > above))


def test_the_tumour_lands_where_it_is_and_a_wrong_direction_would_miss_it(miniature):
    folder, phantoms = miniature
    for phantom in phantoms:
        mask = sitk.ReadImage(str(folder / "prepared" / phantom.name / "tumour.nii.gz"))
        np.testing.assert_allclose(shown(mask).mean(0), phantom.tumour, atol=0.3)
        name = SERIES[phantom.subset[-1]]
        path = folder / "nrrd" / phantom.name / "Annotations" / f"{phantom.name}-preop-SEG-tumor-MR-{name}.nrrd"
        segmentation = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32)
        wrong = shown(carried(segmentation, phantom.to_ultrasound(phantom.subset[-1]), mask), above=0.5)
        assert not len(wrong) or np.linalg.norm(wrong.mean(0) - phantom.tumour) > 5


def test_the_field_of_view_is_the_ultrasounds_and_the_loop_can_read_the_case(miniature):
    folder, phantoms = miniature
    for phantom in phantoms:
        case = folder / "prepared" / phantom.name
        original = sitk.ReadImage(str(next((folder / "nrrd" / phantom.name / "Intraop-US").iterdir())))
        prepared = sitk.ReadImage(str(case / "us.nii.gz"))
        visible, now = shown(field_of_view(original)), shown(prepared)
        np.testing.assert_allclose(now.mean(0), visible.mean(0), atol=0.3)
        assert 1 <= len(now) * 0.5**3 / (len(visible) * 0.7**3) < 1.2  # a voxel that holds a part of the field counts
    loaded = load_case(folder / "prepared" / phantoms[1].name, ("us", "t2", "cet1", "flair"), spacing=0.5)
    assert set(loaded.targets) == {"us", *phantoms[1].subset}
    assert max(loaded.mask.shape[1:]) <= 192


def test_the_manifest_tells_what_every_volume_is_made_of(miniature):
    folder, phantoms = miniature
    manifest = json.loads((folder / "prepared" / "manifest.json").read_text())
    assert list(manifest["cases"]) == [phantom.name for phantom in phantoms]
    assert manifest["failed"] == {}
    for phantom in phantoms:
        record = manifest["cases"][phantom.name]
        assert (record["problems"], record["field_of_view_cut_off"]) == ([], 0.0)
        assert record["tumour"]["volume_ml"] == pytest.approx(4 / 3 * np.pi * 9**3 / 1000, rel=0.1)
        for name in phantom.subset:
            entry = record["modalities"][name]
            assert entry["source"] == f"{phantom.name}-preop-MR-{SERIES[name]}.nrrd"
            assert entry["white_matter"]["method"] == "labels"
            assert entry["white_matter"]["median"] == pytest.approx(GREY_VALUES[name][2], rel=0.02)
            assert 0.95 < entry["share_of_the_field_of_view"] <= 1


def test_a_second_run_keeps_what_is_there(miniature, monkeypatch, capsys):
    folder, _ = miniature
    before = {path: path.stat().st_mtime_ns for path in folder.glob("prepared/*/*.nii.gz")}
    options = ["--remind", "nrrd", "--transforms", "registration", "--output", "prepared"]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["prepare_remind.py", *options])
    prepare_remind.main()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("prepared/*/*.nii.gz")} == before
    assert "2 cases prepared, 0 of them with a problem; 0 failed" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["prepare_remind.py", *options, "--spacing", "1"])
    with pytest.raises(InputError, match=r"Case001 was prepared with other settings \(spacing\); choose a new folder"):
        prepare_remind.main()
    monkeypatch.setattr(sys, "argv", ["prepare_remind.py", *options, "--labels", "elsewhere"])
    with pytest.raises(InputError, match=r"with other settings \(labels\); choose a new folder, or --again"):
        prepare_remind.main()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("prepared/*/*.nii.gz")} == before


def test_without_labels_white_matter_is_estimated(miniature, tmp_path):
    folder, phantoms = miniature
    shutil.copytree(folder / "nrrd" / "Case001", tmp_path / "Case001")
    next((tmp_path / "Case001" / "Preop-MR").glob("*T2_SPACE-r-synthseg.nrrd")).unlink()
    case = prepare_case(read_remind_case(tmp_path / "Case001", folder / "registration"), COARSE)
    assert case.record["problems"] == []
    methods = {name: case.white_matter[name].method for name in phantoms[0].subset}
    assert methods == {"t2": "estimated", "cet1": "labels", "flair": "labels"}
    assert case.white_matter["t2"].median == pytest.approx(GREY_VALUES["t2"][2], rel=0.03)


def test_label_maps_lie_beside_the_image_or_in_a_folder(tmp_path):
    image = tmp_path / "Case001" / "Preop-MR" / "a.nrrd"
    image.parent.mkdir(parents=True)
    assert find_label_map(image) is None
    beside, elsewhere = image.with_name("a_synthseg.nii.gz"), tmp_path / "labels" / "Case001" / "a.nii.gz"
    for path in (beside, elsewhere):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert find_label_map(image) == beside
    assert find_label_map(image, tmp_path / "labels") == elsewhere


def change(path: Path, edit) -> None:
    image = sitk.ReadImage(str(path))
    array = edit(sitk.GetArrayFromImage(image))
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(image)
    sitk.WriteImage(changed, str(path))


def with_nan(array):
    array = array.astype(np.float32)
    array[5, 5, 5] = np.nan
    return array


T2, CET1, FLAIR = (f"Preop-MR/Case001-preop-MR-{SERIES[name]}" for name in ("t2", "cet1", "flair"))
AFFINE = f"affine/Case001/Case001-Case001-intraop-US-pre_dura-to-{T2.split('/')[1]}.tfm"
RIGID = f"rigid/Case001/Case001-{T2.split('/')[1]}-to-{CET1.split('/')[1]}.tfm"
SINGULAR = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n" + (
    "Parameters: 1 0 0 0 1 0 0 0 0 0 0 0\nFixedParameters: 0 0 0\n"
)
FLAWS = {
    "no affine": (lambda c, t: (t / AFFINE).unlink(), ["us"], "has 0 affine transforms"),
    "affine that is none": (lambda c, t: (t / AFFINE).write_text("hello"), ["us"], "not a transform that ITK can"),
    "no rigid": (lambda c, t: (t / RIGID).unlink(), ["us", "t2", "flair"], "no transform file .*T1_post"),
    "flattening": (lambda c, t: (t / RIGID).write_text(SINGULAR), ["us", "t2", "flair"], "flattens space"),
    "NaN": (lambda c, t: change(c / f"{T2}.nrrd", with_nan), ["us", "cet1", "flair"], "NaN or infinite"),
    "empty image": (lambda c, t: change(c / f"{T2}.nrrd", np.zeros_like), ["us", "cet1", "flair"], "zero everywhere"),
    "labels of fluid": (
        lambda c, t: change(c / f"{CET1}-synthseg.nrrd", lambda a: np.where(a == 43, 41, 0).astype(np.uint8)),
        ["us", "t2", "flair"],
        "White matter of .* is implausible in the cet1",
    ),
    "labels without white matter": (
        lambda c, t: change(c / f"{FLAIR}-synthseg.nrrd", np.ones_like),
        ["us", "t2", "cet1"],
        "holds no white matter",
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_cannot_be_used_is_left_out_and_said(miniature, tmp_path, flaw):
    shutil.copytree(miniature[0] / "nrrd" / "Case001", tmp_path / "Case001")
    shutil.copytree(miniature[0] / "registration", tmp_path / "registration")
    spoil, left, sentence = FLAWS[flaw]
    spoil(tmp_path / "Case001", tmp_path / "registration")
    case = prepare_case(read_remind_case(tmp_path / "Case001", tmp_path / "registration"), COARSE)
    assert list(case.record["modalities"]) == left
    assert {name.split("/")[-1] for name in case.volumes} >= {f"{name}.nii.gz" for name in left}
    assert re.search(sentence, " ".join(case.record["problems"]))


def test_a_case_that_fails_stops_no_other(miniature, tmp_path, monkeypatch, capsys):
    for name in ("Case001", "Case002"):
        (tmp_path / "nrrd" / name / "Intraop-US").mkdir(parents=True)
    us = miniature[0] / "nrrd" / "Case002" / "Intraop-US" / "Case002-intraop-US-pre_dura.nrrd"
    shutil.copy(us, tmp_path / "nrrd" / "Case002" / "Intraop-US" / "Case002-intraop-US-pre_dura (copy).nrrd")
    monkeypatch.chdir(tmp_path)
    options = ["--remind", "nrrd", "--transforms", str(miniature[0] / "registration"), "--output", "prepared"]
    monkeypatch.setattr(sys, "argv", ["prepare_remind.py", *options, "--spacing", "1.5", "--matrix", "40"])
    prepare_remind.main()
    assert "1 cases prepared, 0 of them with a problem; 1 failed" in capsys.readouterr().out
    manifest = json.loads(Path("prepared/manifest.json").read_text())
    assert "Case001 has no pre-dura ultrasound" in manifest["failed"]["Case001"]
    assert list(manifest["cases"]) == ["Case002"]
    assert sorted(path.name for path in Path("prepared").iterdir()) == ["Case002", "manifest.json"]
    shutil.rmtree("nrrd/Case002")
    shutil.rmtree("prepared")
    with pytest.raises(InputError, match="No case could be prepared: Case001 has no pre-dura"):
        prepare_remind.main()


def test_a_field_of_view_that_is_too_small_is_refused(miniature):
    source = read_remind_case(miniature[0] / "nrrd" / "Case001", miniature[0] / "registration")
    with pytest.raises(InputError, match=r"field of view of Case001 is too small, \d+ x \d+ pixels"):
        prepare_case(source, Settings(spacing=4.0))


def test_a_data_set_without_cases_or_transforms_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is empty; give the folder that holds"):
        remind_cases(tmp_path)
    monkeypatch.setattr(sys, "argv", ["x", "--remind", "a", "--transforms", str(tmp_path / "b"), "--output", "c"])
    with pytest.raises(InputError, match=r"There is no folder .*b; give the one that holds affine"):
        prepare_remind.main()


def test_a_full_disk_leaves_nothing_half_written(miniature, tmp_path, full_disk):
    source = read_remind_case(miniature[0] / "nrrd" / "Case001", miniature[0] / "registration")
    case = prepare_case(SourceCase("a", {"us": source.images["us"]}), COARSE)
    sentence = "cannot be written: no file may be larger than"
    with full_disk(2000), pytest.raises(InputError, match=sentence):
        write_case(case, tmp_path)
    assert list(tmp_path.iterdir()) == []
    write_case(case, tmp_path)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"us.nii.gz", "white-matter.json", "case.json"}

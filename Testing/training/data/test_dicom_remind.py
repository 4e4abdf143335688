"""ReMIND's archive as DICOM to the authors' layout: the same prepared cases as from their NRRD, and what is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import prepare_remind
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae_training.data.dicom.archive import case_name, dicom_cases, is_predura, is_preoperative, read_dicom_case
from mmhvae_training.data.dicom.index import DicomSeries
from mmhvae_training.data.miniature import write_miniature
from pydicom.uid import generate_uid

from .dicom_writing import write_segmentation, write_slices, write_ultrasound

OPTIONS = ["--transforms", "registration", "--labels", "labels", "--spacing", "1.5", "--matrix", "40"]


def write_archive(nrrd: Path, tree: Path) -> None:
    """The authors' cases as the archive has them: folders by UID, series by description, and decoys among them."""
    for number, case in enumerate(sorted(nrrd.iterdir()), start=1):
        patient = {"PatientID": f"ReMIND-{number:03d}"}
        before = patient | {"StudyInstanceUID": generate_uid(), "StudyDescription": "Preop"}
        during = patient | {"StudyInstanceUID": generate_uid(), "StudyDescription": "Intraop"}
        us = sitk.ReadImage(str(next((case / "Intraop-US").iterdir())))
        write_ultrasound(us, tree, **during, SeriesDescription="US-predura")
        write_ultrasound(us * 0 + 1, tree, **during, SeriesDescription="US-postdura")
        for n, path in enumerate(sorted((case / "Preop-MR").glob("*.nrrd"))):
            image, uid = sitk.ReadImage(str(path)), generate_uid()
            # The archive does not know that the authors' transforms call a series "-r".
            title = path.stem.split("-MR-")[1].removesuffix("-r")
            series = before | {"SeriesInstanceUID": uid, "SeriesDescription": title, "SeriesNumber": n}
            write_slices(image, tree, **series)
            drawn = case / "Annotations" / path.name.replace("-MR-", "-SEG-tumor-MR-")
            if drawn.exists():
                mask = sitk.ReadImage(str(drawn))
                segments = {"Ventricles": mask * 0 + sitk.Cast(image > 400, sitk.sitkUInt8), "Tumor": mask}
                write_segmentation(segments, tree, uid, **before, SeriesDescription=f"tumor_seg - MR ref: {title}")
                write_slices(image * 0 + 7, tree, **during, SeriesDescription=title)  # the same, during the operation
        (tree / "LICENSE").write_text("CC BY 4.0")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The miniature's first case, right-handed and complete, and the same as an archive; SynthSeg's maps lie apart."""
    folder = tmp_path_factory.mktemp("archive")
    write_miniature(folder, cases=1)
    (folder / "labels/Case001").mkdir(parents=True)
    for path in folder.glob("nrrd/*/Preop-MR/*synthseg*"):
        path.rename(folder / "labels/Case001" / path.name)
    # The archive holds one T2 SPACE, the one that the authors' transforms are of.
    (folder / "nrrd/Case001/Preop-MR/Case001-preop-MR-3D_AX_T2_SPACE.nrrd").unlink()
    write_archive(folder / "nrrd", folder / "dicom")
    return folder


def prepare(monkeypatch, folder: Path, *options: str) -> dict:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["prepare_remind.py", *OPTIONS, *options])
    prepare_remind.main()
    return json.loads((folder / options[-1] / "manifest.json").read_text())


def test_the_archive_gives_the_cases_that_the_authors_files_give(archive, monkeypatch):
    ours = prepare(monkeypatch, archive, "--dicom", "dicom", "--remind", "converted", "--output", "from-dicom")
    theirs = prepare(monkeypatch, archive, "--remind", "nrrd", "--output", "from-nrrd")
    for manifest in (ours, theirs):
        for record in (manifest, *manifest["cases"].values()):
            assert Path(record.pop("sources")["remind"]).parent == archive
    assert ours == theirs
    assert ours["cases"]["Case001"]["problems"] == []
    files = sorted(path.relative_to(archive / "from-nrrd") for path in archive.glob("from-nrrd/Case001/**/*.nii.gz"))
    assert len(files) == 8
    for path in files:
        a, b = (sitk.ReadImage(str(archive / source / path)) for source in ("from-dicom", "from-nrrd"))
        np.testing.assert_allclose(a.GetOrigin(), b.GetOrigin(), atol=1e-3)
        difference = np.abs(sitk.GetArrayFromImage(a).astype(float) - sitk.GetArrayFromImage(b))
        assert difference.max() <= 0.02 * max(1, float(sitk.GetArrayFromImage(b).max()))


def test_a_second_run_converts_nothing_again_unless_asked(archive, monkeypatch, tmp_path):
    series, transforms = dicom_cases(archive / "dicom")["Case001"], archive / "registration"
    read_dicom_case("Case001", series, tmp_path / "converted", transforms)
    us = next((tmp_path / "converted/Case001/Intraop-US").iterdir())
    before = us.stat().st_mtime_ns
    read_dicom_case("Case001", series, tmp_path / "converted", transforms)
    assert us.stat().st_mtime_ns == before
    read_dicom_case("Case001", series, tmp_path / "converted", transforms, again=True)
    assert us.stat().st_mtime_ns != before
    (tmp_path / "converted/Case001/conversion.json").unlink()
    with pytest.raises(InputError, match="was not made of DICOM; choose a new folder for --remind"):
        read_dicom_case("Case001", series, tmp_path / "converted", transforms, again=True)
    assert us.exists()


def test_what_cannot_be_used_is_left_out_and_said(archive, tmp_path):
    series = dicom_cases(archive / "dicom")["Case001"]
    t2 = next(one for one in series if "SPACE" in one.description and one.study_description == "Preop")
    t2.files = t2.files[:5] + t2.files[6:]
    case = read_dicom_case("Case001", series, tmp_path / "nrrd", archive / "registration")
    assert set(case.images) == {"us", "cet1", "flair"}
    assert "lacks slices" in case.problems[0]
    again = read_dicom_case("Case001", series, tmp_path / "nrrd", archive / "registration")
    assert again.problems == case.problems


def test_a_case_whose_ultrasound_cannot_be_read_leaves_nothing(archive, tmp_path):
    series = dicom_cases(archive / "dicom")["Case001"]
    us = next(one for one in series if is_predura(one))
    us.broken.append(us.files[0])
    with pytest.raises(InputError, match="series 'US-predura' of ReMIND-001 has a file that cannot be read"):
        read_dicom_case("Case001", series, tmp_path / "nrrd", archive / "registration")
    with pytest.raises(InputError, match="Case001 has no pre-dura ultrasound among its DICOM series"):
        read_dicom_case("Case001", [s for s in series if s is not us], tmp_path / "nrrd", archive / "registration")
    assert not (tmp_path / "nrrd").exists()


def test_patients_of_one_name_are_refused(tmp_path):
    image = sitk.Image(4, 4, 3, sitk.sitkInt16)
    for patient in ("ReMIND-001", "Other-1"):
        write_slices(image, tmp_path, PatientID=patient, StudyInstanceUID=generate_uid())
    with pytest.raises(InputError, match=r"Two patients of .* are Case001: Other-1 and ReMIND-001; remove one"):
        dicom_cases(tmp_path)


@pytest.mark.parametrize(
    ("patient", "name"), [("ReMIND-001", "Case001"), ("ReMIND-114", "Case114"), ("7", "Case007"), ("A b", "A_b")]
)
def test_patients_have_the_authors_names(patient, name):
    assert case_name(patient) == name


def series(modality="MR", description="", study="operation", study_description=""):
    return DicomSeries("1", "P", study, study_description, description, 1, modality)


@pytest.mark.parametrize(
    ("description", "modality", "expected"),
    [
        ("USpredura", "US", True),
        ("intraop-US-pre_dura", "US", True),
        ("US pre-dura 2", "US", True),
        ("USpostdura", "US", False),
        ("US_pre_imri", "US", False),
        ("pre_dura", "MR", False),
    ],
)
def test_the_pre_dura_ultrasound_is_told_by_its_description(description, modality, expected):
    assert is_predura(series(modality, description)) == expected


@pytest.mark.parametrize(
    ("study", "study_description", "description", "expected"),
    [
        ("before", "", "3D_AX_T2_SPACE", True),
        ("operation", "", "3D_AX_T2_SPACE", False),
        ("operation", "Preop", "3D_AX_T2_SPACE", True),
        ("before", "INTRAOP", "3D_AX_T2_SPACE", False),
        ("before", "", "intraop-MR-3D_AX_T2_SPACE", False),
    ],
)
def test_what_was_taken_during_the_operation_is_not_pre_operative(study, study_description, description, expected):
    found = series(study=study, study_description=study_description, description=description)
    assert is_preoperative(found, {"operation"}) == expected

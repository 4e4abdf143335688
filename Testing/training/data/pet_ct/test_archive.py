"""DICOM trees of phantoms: SUV against the numbers that made them, corrected and uncorrected PET, segments."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("pydicom", reason="needs the extra 'training'")

from mmhvae import InputError
from mmhvae_training.data.pet_ct.archive import archive_studies
from mmhvae_training.data.pet_ct.preparation import lesion_voxels, prepare_study
from mmhvae_training.data.pet_ct.suv import suv_scale
from pydicom.uid import generate_uid

from ..dicom_writing import of, write_slices
from .archive_writing import DOSE, HALF_LIFE, INJECTED, SCALE, WAIT, WEIGHT, pet_tags, write_study

MIDNIGHT = {"SeriesDate": "20200103", "SeriesTime": "003000", "AcquisitionTime": None}


def header(injected=INJECTED, **changes):
    return of(**{k: v[0] if isinstance(v, list) else v for k, v in pet_tags(injected, **changes).items()})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, SCALE),
        ({"Units": "GML"}, 1.0),
        ({"DecayCorrection": "ADMIN"}, 1000 * WEIGHT / DOSE),
        ({"SeriesTime": "180000"}, 1000 * WEIGHT / (DOSE * 0.5 ** ((WAIT + 90) / HALF_LIFE))),  # derived afterwards
        ({**MIDNIGHT, "injected": {"RadiopharmaceuticalStartTime": "233000"}}, SCALE),
        ({"injected": {"RadiopharmaceuticalStartDateTime": "20200102090000.00"}}, SCALE),
    ],
)
def test_the_scale_is_weight_over_the_dose_that_is_left(changes, expected):
    changes = dict(changes)
    injected = {k: v for k, v in {**INJECTED, **changes.pop("injected", {})}.items() if v is not None}
    assert suv_scale([header(injected, **changes)], "PET") == pytest.approx(expected, rel=1e-6)


def test_philips_counts_have_a_factor_of_their_own():
    content = header(Units="CNTS")
    content.add_new((0x7053, 0x1000), "DS", "0.00125")
    assert suv_scale([content], "PET") == 0.00125


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Units": "CNTS"}, "its units are CNTS"),
        ({"Units": None}, "its units are not given"),
        ({"DecayCorrection": "NONE"}, "not corrected for decay"),
        ({"PatientWeight": None}, "the patient's weight"),
        ({"PatientWeight": "0"}, "the patient's weight"),
        ({"injected": {"RadionuclideTotalDose": None}}, "the injected dose"),
        ({"injected": {"RadionuclideHalfLife": None}}, "the half-life"),
        ({"injected": {"RadiopharmaceuticalStartTime": None}}, "when it was injected"),
        ({"SeriesTime": None}, "when it was injected and acquired"),
        ({"injected": {"RadiopharmaceuticalStartDateTime": "20200102110000"}}, "contradict each other"),
    ],
)
def test_a_pet_without_suv_scale_says_why(changes, reason):
    changes = dict(changes)
    injected = {k: v for k, v in {**INJECTED, **changes.pop("injected", {})}.items() if v is not None}
    with pytest.raises(InputError, match=f"PET without SUV scale: .*{reason}"):
        suv_scale([header(injected, **changes)], "PET")


def test_a_study_of_the_archive_is_read_in_hounsfield_units_and_suv_with_its_lesion(phantom, tmp_path):
    made = phantom()
    write_study(made, tmp_path / "tree")
    (study,) = archive_studies(tmp_path / "tree", ("ct", "pet"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(study.images["ct"]()), sitk.GetArrayFromImage(made.ct))
    pet = sitk.GetArrayFromImage(study.images["pet"]())
    np.testing.assert_allclose(pet, sitk.GetArrayFromImage(made.pet), atol=1e-3)
    prepare_study(study, tmp_path / "out" / study.name, 2, labelled=True)
    assert lesion_voxels(tmp_path / "out" / study.name) * 8 == pytest.approx(made.lesion.sum() * 80, rel=0.05)


def test_corrected_and_uncorrected_pet_are_told_apart(phantom, tmp_path):
    made = phantom(lesion=False)
    write_study(made, tmp_path / "tree", uncorrected=True)
    (study,) = archive_studies(tmp_path / "tree", ("nac", "ac", "ct"))
    assert study.labels is None
    ac, nac = (sitk.GetArrayFromImage(study.images[name]()) for name in ("ac", "nac"))
    inside = sitk.GetArrayFromImage(made.pet) > 0
    np.testing.assert_allclose(ac[inside], 1, atol=1e-3)
    np.testing.assert_allclose(nac[inside], 0.5 / SCALE, rtol=1e-3)  # counts, as they are
    prepare_study(study, tmp_path / "out" / study.name, 4, labelled=False)
    assert len(list((tmp_path / "out" / study.name).iterdir())) == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ct": False}, "P1 has no CT series"),
        ({"drawn": False}, "P1 has no labels"),
        ({"Units": "CNTS"}, "PET without SUV scale"),
    ],
)
def test_studies_that_cannot_be_used_say_why(phantom, tmp_path, changes, words):
    write_study(phantom(), tmp_path / "tree", **changes)
    (study,) = archive_studies(tmp_path / "tree", ("ct", "pet"))
    with pytest.raises(InputError, match=words):
        prepare_study(study, tmp_path / "out", 4, labelled=True)
    assert not (tmp_path / "out").exists()


def test_several_studies_of_a_patient_are_numbered_and_those_without_pet_left_out(phantom, tmp_path):
    for lesion in (True, False):
        write_study(phantom(lesion), tmp_path / "tree", patient="P 1")
    tags = {"PatientID": "P2", "StudyInstanceUID": generate_uid(), "Modality": "CT"}
    write_slices(phantom().ct, tmp_path / "tree", **tags)
    studies = archive_studies(tmp_path / "tree", ("ct", "pet"))
    assert [(study.name, study.patient) for study in studies] == [("P_1_1", "P 1"), ("P_1_2", "P 1")]

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from mmhvae.exceptions import InputError
from mmhvae.images.modalities import MODALITIES, Modality, guess_modality, modality

NAMES = {
    "us": [
        "us", "us.nii.gz", "iUS", "ius", "us-pre_dura", "USpredura", "uspostdura", "Case3-US-before",
        "Ultrasound", "intraoperative ultrasound", "3DUS", "US1", "io-us", "patientUS", "B-mode sweep", "us_pre-iMRI",
        "Sweep before resection", "/data/T2/case1/us.nii.gz", "MMHVAE demo iUS", "US post resection",
    ],
    "t2": [
        "t2", "T2 SPACE", "T2w", "t2.nii.gz", "AX T2", "axT2 TSE", "MR_T2_SPACE", "t2_tse_tra_p2", "3D_AX_T2_SPACE",
        "preop T2", "T2 post-op", "BraTS-GLI-00000-000-t2w.nii.gz", "patient1_t2", "sub-01_T2w.nii.gz",
        "T2 post gad", r"C:\flair\T2.nrrd", "2D_AX_T2_BLADE",
    ],
    "cet1": [
        "cet1", "ceT1", "T1CE", "t1ce", "t1c", "ct1", "T1Gd", "t1gad", "T1+C", "T1 +C", "T1 C+", "T1-c",
        "t1_mprage_post gad",
        "3D_AX_T1_postcontrast", "AX T1 POST", "T1 post contrast FS", "pre-op T1 CE", "cet1.nii.gz", "MR_T1_post",
        "T1w with contrast", "T1 GADO", "MPRAGE post contrast", "FSPGR+C", "T1 FLAIR post gad", "T1 MPRAGE KM",
        "t1ce_preop.nii.gz", "BraTS-GLI-00000-000-t1c.nii.gz",
    ],
    "flair": [
        "flair", "FLAIR", "AX T2 FLAIR", "t2_flair.nii.gz", "T2FLAIR", "3DFLAIR", "FLAIRspace", "2D_AX_T2_FLAIR",
        "t2_tirm_tra_dark-fluid", "T2 dark fluid", "FLAIR post gad", "BraTS-GLI-00000-000-t2f.nii.gz", "preop-FLAIR",
    ],
    None: [
        "", "T1", "T1 pre", "T1w without contrast", "T1 w/o gad", "T1 non-contrast", "T1 no contrast", "T1 native",
        "t1n", "t1.nii.gz", "3D_AX_T1_precontrast", "T1 pre gad", "T1 -C", "T1 post-op", "T1 postop", "pre-op T1",
        "AX T1 FLAIR", "status", "Status", "focus", "virus", "campus", "consensus", "bus", "thus.nii.gz", "volume",
        "T2 segmentation", "t2_seg.nii.gz", "us-label.nii.gz", "US labels", "flair mask", "brain_mask", "tumorMask_T2",
        "tumor seg - MR preop - 3D_AX_T1_postcontrast", "US-roi", "T2 uncertainty", "t2-uncertainty.nii.gz",
        "T2 SYNTHETIC", "T2 to iUS", "T2 and ceT1", "T2* GRE", "T2 star", "T2 map", "T2 trace DWI", "ADC", "patient2",
        "test2", "subject21", "T21", "t1 subtraction", "T2 localizer",
    ],
}  # fmt: skip


@pytest.mark.parametrize("expected", NAMES)
def test_guess(expected: str | None) -> None:
    guesses = {name: guess_modality(name) for name in NAMES[expected]}
    assert {name: guess for name, guess in guesses.items() if guess != expected} == {}


@pytest.mark.parametrize("known", MODALITIES.values(), ids=lambda known: known.id)
def test_own_names_are_guessed(known: Modality) -> None:
    assert (
        guess_modality(known.id) == guess_modality(known.name) == guess_modality(f"case_{known.name}.nrrd") == known.id
    )


def test_order_and_names() -> None:
    assert list(MODALITIES) == ["us", "t2", "cet1", "flair"]
    assert [known.name for known in MODALITIES.values()] == ["iUS", "T2", "ceT1", "FLAIR"]
    assert [known.is_mr for known in MODALITIES.values()] == [False, True, True, True]


def test_immutable() -> None:
    with pytest.raises(TypeError):
        MODALITIES["t1"] = modality("t2")  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        modality("t2").name = "T1"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [("flare", "flair"), ("FLAIR", "flair"), ("iUS", "us"), ("t1ce", "cet1"), ("T2", "t2"), ("Ultrasound", "us")],
)
def test_unknown_modality_suggests_the_nearest(unknown: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f"'{unknown}': use one of us, t2, cet1, flair, did you mean {nearest}\\?"):
        modality(unknown)


@pytest.mark.parametrize("unknown", ["", "pet", "0"])
def test_unknown_modality_without_a_near_one(unknown: str) -> None:
    with pytest.raises(InputError, match=r"use one of us, t2, cet1, flair\.$"):
        modality(unknown)

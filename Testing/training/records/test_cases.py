"""Results know their cases by what is in their files: a case of the same name may be another."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmhvae import InputError
from mmhvae_training.records import CASES, checksum_of_files, refuse_other_cases, require_same_cases


@pytest.fixture
def case(tmp_path) -> Path:
    (tmp_path / "cases" / "case-1" / "harmonised").mkdir(parents=True)
    (tmp_path / "cases" / "case-1" / "us.nii.gz").write_bytes(b"us")
    (tmp_path / "cases" / "case-1" / "harmonised" / "t2.nii.gz").write_bytes(b"t2")
    return tmp_path / "cases" / "case-1"


@pytest.fixture
def made(tmp_path) -> Path:
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


@pytest.mark.parametrize(
    ("change", "is_other"),
    [
        (lambda case: (case / "us.nii.gz").write_bytes(b"uS"), True),
        (lambda case: (case / "harmonised" / "t2.nii.gz").write_bytes(b""), True),
        (lambda case: (case / "us.nii.gz").rename(case / "t2.nii.gz"), True),
        (lambda case: (case / "flair.nii.gz").write_bytes(b""), True),
        (lambda case: (case / ".DS_Store").write_bytes(b"view"), False),
        (lambda case: case.rename(case.with_name("case-2")).rename(case), False),
    ],
)
def test_a_checksum_tells_files_and_their_names_apart(case, change, is_other):
    before = checksum_of_files([case])
    change(case)
    assert (checksum_of_files([case]) != before) == is_other


def test_a_file_counts_wherever_it_lies(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(text)
    a, b, c = (checksum_of_files([tmp_path / name]) for name in "abc")
    assert a == b != c
    assert checksum_of_files([tmp_path / "a", tmp_path / "c"]) != checksum_of_files([tmp_path / "c", tmp_path / "a"])


def test_another_case_of_the_same_name_is_refused(case, made):
    require_same_cases(made, {"case-1": [case]}, done=[])
    (case / "us.nii.gz").write_bytes(b"simulated anew, before there was a result")
    require_same_cases(made, {"case-1": [case]}, done=[])
    require_same_cases(made, {"case-1": [case]}, done=["case-1"])
    before = (made / CASES).read_bytes()
    (case / "us.nii.gz").write_bytes(b"simulated anew")
    for check in (require_same_cases, refuse_other_cases):
        with pytest.raises(InputError, match=r"made holds results of another case-1; choose another folder"):
            check(made, {"case-1": [case]}, ["case-1"])
    assert (made / CASES).read_bytes() == before


def test_cases_come_and_go(case, made, tmp_path):
    """More of them are wanted, or fewer, or one is not there any more and its results are."""
    require_same_cases(made, {"case-1": [case]}, done=[])
    require_same_cases(made, {"case-2": [case]}, done=["case-1"])
    require_same_cases(made, {"case-1": [tmp_path / "gone"], "case-2": [case]}, done=["case-1", "case-2"])
    require_same_cases(made, {"case-1": [case]}, done=["case-1", "case-2"])


def test_results_that_do_not_say_of_which_cases_take_no_others_and_are_still_read(case, made):
    refuse_other_cases(made, {"case-1": [case]}, ["case-1"])
    for wanted in ({"case-1": [case]}, {"case-2": [case]}):
        with pytest.raises(InputError, match=rf"holds results of case-1, and no {CASES} says of which files; choose"):
            require_same_cases(made, wanted, ["case-1"])
    assert not list(made.iterdir())
    (made / CASES).write_text('{"case-1": 1}')
    with pytest.raises(InputError, match="is not what it was written as"):
        require_same_cases(made, {"case-1": [case]}, ["case-1"])

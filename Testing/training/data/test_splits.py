"""Tables of splits, and folds stratified by the modalities that a case has."""

from __future__ import annotations

import sys
from collections import Counter

import make_splits
import numpy as np
import pytest
from mmhvae import InputError
from mmhvae_training.data.splits import read_splits, stratified_folds, write_splits

ALL = ("us", "t2", "cet1", "flair")


def subsets(seed: int = 0, count: int = 40) -> dict[str, tuple[str, ...]]:
    """Random incomplete cases: each MR is there with ReMIND's frequency."""
    rng = np.random.default_rng(seed)
    shares = {"t2": 66 / 104, "cet1": 98 / 104, "flair": 21 / 104}
    return {
        f"Case{n:03d}": ("us", *(name for name, share in shares.items() if rng.random() < share)) for n in range(count)
    }


def test_a_table_comes_back_as_it_was_written(tmp_path):
    splits = {"b": "train", "a": "test", "c": "validation"}
    write_splits(splits, tmp_path / "new" / "fold.csv")
    assert list(read_splits(tmp_path / "new" / "fold.csv", splits).items()) == list(splits.items())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["fold.csv"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("", "do not begin with the line case,split"),
        ("a,train\n", "do not begin with the line case,split"),
        ("case,split\n", "name no case"),
        ("case,split\na,train\na,test\n", "name the case a twice"),
        (f"case,split\n{'a' * 200_000},train\n", "cannot be read"),
        ("case,split\na,trian\n", "hold 'a,trian'"),
        ("case,split\na\n", "hold 'a'"),
        ("case,split\nCase01,train\n", r"name the case Case01, .*did you mean Case001\?"),
        ("case,split\nxyz,train\n", "name the case xyz, .*remove the line"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, sentence):
    path = tmp_path / "splits.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=sentence):
        read_splits(path, {"a", "Case001"})


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_folds_share_out_cases_and_subsets_evenly(count, seed):
    cases = subsets(seed)
    folds = stratified_folds(cases, count, seed, validation=0.2)
    tested = Counter(case for fold in folds for case, split in fold.items() if split == "test")
    assert set(tested) == set(cases)
    assert set(tested.values()) == {1}
    sizes = [sum(split == "test" for split in fold.values()) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for subset in set(cases.values()):
        shares = [sum(s == "test" and cases[c] == subset for c, s in fold.items()) for fold in folds]
        assert max(shares) - min(shares) <= 1
    for fold, size in zip(folds, sizes, strict=True):
        assert sum(split == "validation" for split in fold.values()) == round(0.2 * (len(cases) - size))
    assert folds == stratified_folds(dict(reversed(cases.items())), count, seed, validation=0.2)
    assert folds != stratified_folds(cases, count, seed + 1, validation=0.2)


@pytest.mark.parametrize(("count", "validation"), [(1, 0), (41, 0), (3, 1.0), (3, -0.1), (3, float("nan"))])
def test_folds_that_cannot_be_made_say_so(count, validation):
    with pytest.raises(InputError, match=r"cannot make|is none"):
        stratified_folds(subsets(), count, validation=validation)


def test_the_script_reads_which_modalities_a_case_has(tmp_path, monkeypatch, capsys):
    for name, modalities in subsets(count=9).items():
        (tmp_path / "cases" / name).mkdir(parents=True)
        for modality in modalities:
            (tmp_path / "cases" / name / f"{modality}.nii.gz").touch()
    (tmp_path / "cases" / ".writing-Case100").mkdir()
    arguments = ["--cases", tmp_path / "cases", "--folds", 3, "--output", tmp_path / "splits"]
    monkeypatch.setattr(sys, "argv", ["make_splits.py", *map(str, arguments)])
    make_splits.main()
    assert "3 test, 6 train" in capsys.readouterr().out
    written = [read_splits(tmp_path / "splits" / f"fold-{n}.csv", subsets(count=9)) for n in range(3)]
    assert written == stratified_folds(subsets(count=9), 3)
    (tmp_path / "cases" / "Case200").mkdir()
    with pytest.raises(InputError, match=r"Case200 holds none of us, t2"):
        make_splits.main()
    monkeypatch.setattr(sys, "argv", ["make_splits.py", "--cases", str(tmp_path / "splits"), "--output", "x"])
    with pytest.raises(InputError, match="is empty"):
        make_splits.main()

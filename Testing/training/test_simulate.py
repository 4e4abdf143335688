"""Which head a case is drawn over: splits, the template's share, heads that are passed over."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import simulate
from mmhvae.exceptions import InputError
from mmhvae_training.data.splits import TEST, TRAIN, read_splits

SPLITS = Path(simulate.__file__).parent / "splits" / "real-heads.csv"
NAMES = ("A", "B", "C")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir()
        for ending in ("t1", "t2", "t1ce", "flair", "seg"):
            image = sitk.GetImageFromArray(np.zeros((2, 2, 2), np.uint8))
            sitk.WriteImage(image, str(tmp_path / name / f"{name}_{ending}.nii.gz"))
    (tmp_path / "unlabelled").mkdir()
    (tmp_path / "splits.csv").write_text("case,split\nA,train\nB,test\nC,train\n")
    return tmp_path


def fake_heads(monkeypatch: pytest.MonkeyPatch, doubtful: str = "") -> None:
    def load(path: Path) -> SimpleNamespace:
        return SimpleNamespace(name=path.name, doubt="5 times as much grey" if path.name in doubtful else None)

    monkeypatch.setattr(simulate, "load_real_head", load)


def test_only_heads_of_the_split_are_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_heads(monkeypatch)
    drawn = {}
    for split in (TRAIN, TEST):
        heads = simulate.find_heads(folder, folder / "splits.csv", split, 0.0)
        drawn[split] = {heads.drawn(seed).name for seed in range(20)}
    assert drawn == {TRAIN: {"A", "C"}, TEST: {"B"}}
    with pytest.raises(InputError, match="puts no head"):
        simulate.find_heads(folder, folder / "splits.csv", "validation", 0.0)


def test_the_template_has_its_share_and_seeds_decide(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_heads(monkeypatch)
    heads = simulate.find_heads(folder, None, TRAIN, 0.25)
    drawn = [heads.drawn(seed) for seed in range(200)]
    assert 0.15 < np.mean([head is None for head in drawn]) < 0.35
    again = [heads.drawn(seed) for seed in range(200)]
    assert [head and head.name for head in again] == [head and head.name for head in drawn]


def test_doubtful_heads_are_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_heads(monkeypatch, doubtful="AB")
    heads = simulate.find_heads(folder, None, TRAIN, 0.0)
    assert {heads.drawn(seed).name for seed in range(10)} == {"C"}
    assert "A is left out: 5 times as much grey" in capsys.readouterr().out
    fake_heads(monkeypatch, doubtful="ABC")
    with pytest.raises(InputError, match="every head failed"):
        heads.drawn(0)


def test_five_heads_are_kept_from_training() -> None:
    splits = list(read_splits(SPLITS).values())
    assert splits.count(TEST) == 5
    assert splits.count(TRAIN) == 28


def test_a_case_that_other_options_made_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*options: str) -> str:
        monkeypatch.setattr("sys.argv", ["simulate.py", "--output", str(tmp_path), "--spacing", "2", *options])
        simulate.main()
        return capsys.readouterr().out

    assert "case-00003" in command("--seed", "3")
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert command("--seed", "3") == ""  # it is there
    with pytest.raises(InputError, match=r"case-00003 was made with other held out; choose another folder"):
        command("--seed", "2", "--count", "2", "--held-out")
    parameters = tmp_path / "case-00003" / simulate.PARAMETERS
    text = parameters.read_text()
    parameters.write_text(text.replace(simulate.ASKED, "else"))
    with pytest.raises(InputError, match="does not say what it was made with"):
        command("--seed", "3")
    parameters.write_text(text)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before

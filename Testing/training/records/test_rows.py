"""Rows as CSV come back as they were; an evaluation with other settings is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from mmhvae import InputError
from mmhvae_training.records import read_rows, require_same_settings, write_rows


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    value: float


@dataclass(frozen=True)
class Other:
    name: str
    colour: str


ROWS = [Row("a, b", 3, 0.1 + 0.2), Row('"quoted"', -1, float("inf"))]


def test_rows_come_back_bit_for_bit(tmp_path):
    write_rows(ROWS, tmp_path / "rows.csv")
    assert read_rows(Row, tmp_path / "rows.csv") == ROWS


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    write_rows([Other("a", "red")], path)
    with pytest.raises(InputError, match="is not a table of scores"):
        read_rows(Row, path)
    path.write_text("name,count,value\na,many,1\n")
    with pytest.raises(InputError, match="is not a table of scores"):
        read_rows(Row, path)
    with pytest.raises(InputError, match="is not a table of scores"):
        read_rows(Row, tmp_path / "nowhere.csv")


def test_an_evaluation_goes_on_only_as_it_was_begun(tmp_path):
    folder = tmp_path / "deep" / "evaluation"
    require_same_settings(folder, {"step": 1, "crop": [32, 32, 32]})
    require_same_settings(folder, {"step": 1, "crop": [32, 32, 32]})
    with pytest.raises(InputError, match="other overlap, step; choose a new folder"):
        require_same_settings(folder, {"step": 2, "crop": [32, 32, 32], "overlap": 0.5})
    (folder / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json is missing or damaged; restore it, or choose a new folder"):
        require_same_settings(folder, {"step": 1})
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        require_same_settings(tmp_path / "file" / "evaluation", {})

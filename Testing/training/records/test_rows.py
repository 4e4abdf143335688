"""Rows as CSV come back as they were."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from mmhvae import InputError
from mmhvae_training.records import read_rows, write_rows


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


@pytest.mark.parametrize("text", ["name,count,value\na,1,2\0\n", f"name,count,value\n{'a' * 200_000},1,2\n"])
def test_what_no_csv_holds_is_refused(tmp_path, text):
    """A byte of zeros, and a field longer than any: the reader's own error is no ValueError."""
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(InputError, match="is not a table of scores"):
        read_rows(Row, tmp_path / "rows.csv")


def test_a_row_that_was_cut_short_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("colour,name\nred\n")
    with pytest.raises(InputError, match="is not a table of scores"):
        read_rows(Other, tmp_path / "rows.csv")


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

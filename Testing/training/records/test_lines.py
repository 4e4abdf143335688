"""Lines that are appended by work that may be stopped."""

from __future__ import annotations

import json

import pytest
from mmhvae import InputError
from mmhvae_training.records.lines import read_lines, write_line

SHAPE = {"case": str}


def test_a_line_cut_off_is_done_again(tmp_path):
    path = tmp_path / "evaluation.jsonl"
    path.write_text(json.dumps({"case": "a", "method": "m"}) + '\n{"case": "b", "me')
    assert [row["case"] for row in read_lines(path, SHAPE)] == ["a"]
    write_line(path, {"case": "b", "method": "m"})
    assert [row["case"] for row in read_lines(path, SHAPE)] == ["a", "b"]
    assert read_lines(tmp_path / "none.jsonl", SHAPE) == []


@pytest.mark.parametrize("line", [b'{"case": "b", "me', b"[]", b"7", b"\xff"])
def test_a_damaged_line_before_others_is_told_by_its_number(tmp_path, line):
    path = tmp_path / "evaluation.jsonl"
    path.write_bytes(b'{"case": "a"}\n' + line + b'\n{"case": "c"}\n')
    with pytest.raises(InputError, match=r"Line 2 of .*evaluation\.jsonl is damaged; remove that line, then go on\."):
        read_lines(path, SHAPE)


@pytest.mark.parametrize("line", [b"{}", b'{"case": 7}', b'{"case": null}'])
def test_a_line_of_another_version_is_told_by_what_it_lacks(tmp_path, line):
    path = tmp_path / "evaluation.jsonl"
    path.write_bytes(b'{"case": "a"}\n' + line + b"\n")
    with pytest.raises(InputError, match=r"^Line 2 of .*evaluation\.jsonl .*\(case is .*\); remove that line, then go"):
        read_lines(path, SHAPE)

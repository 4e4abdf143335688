"""Lines that are appended by work that may be stopped."""

from __future__ import annotations

import json

import pytest
from mmhvae import InputError
from mmhvae_training.records.lines import read_lines, write_line


def test_a_line_cut_off_is_done_again(tmp_path):
    path = tmp_path / "evaluation.jsonl"
    path.write_text(json.dumps({"case": "a", "method": "m"}) + '\n{"case": "b", "me')
    assert [row["case"] for row in read_lines(path)] == ["a"]
    write_line(path, {"case": "b", "method": "m"})
    assert [row["case"] for row in read_lines(path)] == ["a", "b"]
    assert read_lines(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("line", [b'{"case": "b", "me', b"[]", b"7", b"\xff"])
def test_a_damaged_line_before_others_is_told_by_its_number(tmp_path, line):
    path = tmp_path / "evaluation.jsonl"
    path.write_bytes(b'{"case": "a"}\n' + line + b'\n{"case": "c"}\n')
    with pytest.raises(InputError, match=r"Line 2 of .*evaluation\.jsonl is damaged; remove that line, then go on\."):
        read_lines(path)

"""Lines that are appended by work that may be stopped."""

from __future__ import annotations

import json

from mmhvae_training.records.lines import read_lines, write_line


def test_a_line_cut_off_is_done_again(tmp_path):
    path = tmp_path / "evaluation.jsonl"
    path.write_text(json.dumps({"case": "a", "method": "m"}) + '\n{"case": "b", "me')
    assert [row["case"] for row in read_lines(path)] == ["a"]
    write_line(path, {"case": "b", "method": "m"})
    assert [row["case"] for row in read_lines(path)] == ["a", "b"]
    assert read_lines(tmp_path / "none.jsonl") == []

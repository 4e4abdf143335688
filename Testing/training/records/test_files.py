"""JSON comes back as it was written; what is none of the kind is a sentence with the reader's advice."""

from __future__ import annotations

import pytest
from mmhvae import InputError
from mmhvae_training.records import read_json, write_json


def test_json_comes_back(tmp_path):
    for number, content in enumerate(({"a": [1, 0.1 + 0.2, None]}, [{"b": "\u00e4"}])):
        write_json(content, tmp_path / f"{number}.json")
        assert read_json(tmp_path / f"{number}.json", type(content), "") == content


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"[]", b"null", b'"a"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_says_what_to_do(tmp_path, content):
    path = tmp_path / "settings.json"
    for _ in ("missing", "damaged"):
        with pytest.raises(InputError, match=r"settings\.json is missing or damaged; choose a new folder\.$"):
            read_json(path, dict, "choose a new folder.")
        path.write_bytes(content)

"""Columns of the figure that compares methods."""

from __future__ import annotations

import sys

import draw_methods
import pytest
from mmhvae import InputError


@pytest.mark.parametrize(
    "given",
    [
        ["--run", "a/resvit/seed-1", "--run", "a/resvit/seed-2"],
        ["--run", "resvit", "--bundle", "b/resvit/"],
        ["--bundle", "true"],
    ],
)
def test_no_column_replaces_another_of_the_same_name(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    arguments = ["--case", "nowhere", *given, "--output", "methods.png"]
    monkeypatch.setattr(sys, "argv", ["draw_methods.py", *arguments])
    with pytest.raises(InputError, match="Two of the columns have the same name"):
        draw_methods.main()

"""What numbers a command line may give."""

from __future__ import annotations

import argparse

import pytest
from mmhvae_training.number_options import millimetres, natural, positive, share


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (positive, {"1": 1, "30": 30}, ["0", "-1", "1.5", "many", ""]),
        (natural, {"0": 0, "7": 7}, ["-1", "0.5", "nan"]),
        (millimetres, {"0.5": 0.5, "1e1": 10.0}, ["0", "-0.5", "inf", "nan", "wide"]),
        (share, {"0": 0.0, "1": 1.0, ".25": 0.25}, ["-0.1", "1.1", "nan", "half"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_number_is_one_or_is_refused_by_what_to_give(kind, good, bad):
    assert {text: kind(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=r"^.* (cannot be|is no \w+); give .*\.$"):
            kind(text)

"""A checksum tells weights apart whose run has the same name, and none that are the same."""

from __future__ import annotations

import pytest
import torch
from mmhvae_training.loop import checksum_of

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(1)}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({name: tensor.clone() for name, tensor in WEIGHTS.items()}, True),
        (WEIGHTS | {"b": torch.tensor(2)}, False),
        ({"a": WEIGHTS["a"], "c": WEIGHTS["b"]}, False),
        ({"a": WEIGHTS["a"]}, False),
    ],
    ids=["a copy", "another value", "another name", "one less"],
)
def test_weights_are_told_apart(other, same):
    assert (checksum_of(other) == checksum_of(WEIGHTS)) == same

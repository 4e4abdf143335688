"""A bundle, and a store of models, for the tests of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmhvae.bundle.store import WeightsStore

from .stores import make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A tiny bundle's folder."""
    return make_bundle(tmp_path_factory.mktemp("b") / "tiny")


@pytest.fixture
def store(tmp_path) -> WeightsStore:
    """A store whose folder is not there yet."""
    return WeightsStore(tmp_path / "data" / "weights")

"""A tiny model, and one warm engine, for the live view's tests."""

from __future__ import annotations

import os
import sys

import pytest
from mmhvae.network.model import MMHVAEConfig

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return tiny_bundle(CONFIG)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """A warm one for all tests of this file; the one that is killed starts again by itself."""
    from MMHVAESynthesisLib.engine.engine_sharing import (
        SlicerEngine,  # needs Slicer, which conftest files cannot require
    )

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    engine = SlicerEngine(python=(sys.executable,), root=tmp_path_factory.mktemp("engine"))
    yield engine
    engine.close()

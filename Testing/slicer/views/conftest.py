"""Texts in the slice views of a test's own."""

from __future__ import annotations

import pytest


@pytest.fixture
def annotations(scene):
    """Those of modules that other tests have used are off."""
    # They need Slicer, which conftest files cannot require.
    from MMHVAESynthesisLib.views.annotation import SyntheticAnnotations, stop_annotating

    stop_annotating()
    annotations = SyntheticAnnotations()
    yield annotations
    annotations.close()

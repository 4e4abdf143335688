"""Install a model among the user's, whether it synthesises or outlines tumours in ultrasound."""

from __future__ import annotations

import json
from pathlib import Path

from ..bundle import MANIFEST, ULTRASOUND_OUTLINE, WeightsStore, install_from_file, read_members
from ..exceptions import InputError, Progress
from .ultrasound_bundle import load_ultrasound_segmenter, save_ultrasound_segmenter


def install_model(source: Path, store: WeightsStore, name: str, progress: Progress) -> Path:
    """Check a bundle's folder, zip, or the authors' ``.pth``, and install it as ``name``; its folder.

    Where the name is taken by the same model, that one is the answer; by another, a number is added to the name.

    Raises:
        InputError: it is no model of ours, is damaged, the name cannot be used, or it cannot be written.
    """
    if not _outlines_ultrasound(source):
        return install_from_file(source, store, name, progress)
    *taken, free = store.candidate_names(name)  # an impossible name is told before the work
    progress(0.1, "reading the model")
    segmenter = load_ultrasound_segmenter(source)
    present = {found.name: found for found in store.ultrasound_segmenters()}
    for other in taken:
        if other in present and present[other].manifest.get("weights_sha256") == segmenter.manifest.weights_sha256:
            return present[other].path
    progress(0.98, "installing")
    return save_ultrasound_segmenter(segmenter, store.folder / free)


def _outlines_ultrasound(source: Path) -> bool:
    """Whether a folder or zip says so; what is none, or damaged, is for those who install it to refuse."""
    try:
        return bool(json.loads(read_members(source)[MANIFEST]).get("outlines") == [ULTRASOUND_OUTLINE])
    except (InputError, ValueError, AttributeError, RecursionError):
        return False

"""A model of whatever kind: loaded as what it says that it is, and installed among the user's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from ..bundle import (
    MANIFEST,
    Bundle,
    ModelKind,
    WeightsStore,
    bundle_at,
    install_as,
    install_from_file,
    kind_of,
    load_bundle,
    read_members,
)
from ..exceptions import InputError, Progress
from .brain_bundle import BrainExtractor, load_brain_extractor, save_brain_extractor
from .bundle import SegmenterBundle, load_segmenter, save_segmenter
from .ultrasound_bundle import UltrasoundSegmenter, load_ultrasound_segmenter, save_ultrasound_segmenter

Segmenter: TypeAlias = SegmenterBundle | UltrasoundSegmenter | BrainExtractor
AnyModel: TypeAlias = Bundle | Segmenter


@dataclass(frozen=True)
class _Form:
    """How the segmenters of a kind are read and written."""

    load: Callable[[Path], Any]
    save: Callable[[Any, Path], Path]


_SEGMENTERS = {
    ModelKind.MR_SEGMENTER: _Form(load_segmenter, save_segmenter),
    ModelKind.ULTRASOUND_SEGMENTER: _Form(load_ultrasound_segmenter, save_ultrasound_segmenter),
    ModelKind.BRAIN_EXTRACTOR: _Form(load_brain_extractor, save_brain_extractor),
}


def load_model(model: str | Path) -> AnyModel:
    """Load a model of any kind, from a bundle folder or zip, a released ``.pth``, or by the name of an installed one.

    Raises:
        InputError: missing, damaged, altered, of another version, or no model of ours.
    """
    path = bundle_at(model)
    form = _SEGMENTERS.get(_kind_at(path))
    loaded: AnyModel = form.load(path) if form else load_bundle(path)
    return loaded


def install_model(source: Path, store: WeightsStore, name: str, progress: Progress) -> Path:
    """Check a bundle's folder, zip, or the authors' ``.pth``, and install it as ``name``; its folder.

    Where the name is taken by the same model, that one is the answer; by another, a number is added to the name.

    Raises:
        InputError: it is no model of ours, is damaged, the name cannot be used, or it cannot be written.
    """
    form = _SEGMENTERS.get(_kind_at(source))
    if form is None:
        return install_from_file(source, store, name, progress)
    store.candidate_names(name)  # an impossible name is told before the work
    progress(0.1, "reading the model")
    segmenter = form.load(source)
    return install_as(
        name,
        store,
        progress,
        is_same=partial(_is_same, segmenter),
        bytes_needed=sum(tensor.nbytes for tensor in segmenter.network.state_dict().values()),
        save=partial(form.save, segmenter),
    )


def _is_same(segmenter: Segmenter, folder: Path) -> bool:
    """Whether the same weights are installed there, to be used and told of in the same way; not where it is damaged."""
    try:
        return load_model(folder).manifest == segmenter.manifest
    except InputError:
        return False


def _kind_at(source: Path) -> ModelKind:
    """What a folder or zip says that it is; what is none, or damaged, is for those who load a bundle to refuse."""
    try:
        return kind_of(json.loads(read_members(source)[MANIFEST]))
    except (InputError, ValueError, TypeError, RecursionError):
        return ModelKind.SYNTHESIS

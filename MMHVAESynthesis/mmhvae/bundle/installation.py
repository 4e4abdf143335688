"""Install a model among the user's, from a file or from the network, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..exceptions import InputError, Progress
from .bundle import Bundle, load_bundle, save_bundle
from .catalogue import Downloadable
from .download import download
from .store import RESERVED, WeightsStore

#: Bytes beside the weights: the manifest, the card, and what the disk itself needs.
OVERHEAD = 1 << 20
#: Of the progress, how much the download takes.
DOWNLOADED = 0.9


def install_from_file(source: Path, store: WeightsStore, name: str, progress: Progress) -> Path:
    """Check a bundle's folder, zip, or the authors' ``.pth``, and install it as ``name``.

    Where the name is taken by the same model, that one is the answer; by another, a number is added to the name.

    Raises:
        InputError: it is no bundle, is damaged, the name cannot be used, or there is no room.
    """
    store.candidate_names(name)  # an impossible name is told before the work
    progress(0.1, "reading the model")
    return _installed(load_bundle(source), store, name, progress)


def install_from_network(wanted: Downloadable, store: WeightsStore, progress: Progress) -> Path:
    """Download, verify, convert and install; what was downloaded is removed then, and resumed if it broke off.

    Raises:
        InputError: see :func:`mmhvae.bundle.download` and :func:`install_from_file`.
    """
    for present in store.installed():
        if dict(present.manifest.get("training") or {}).get("source_checksum") == wanted.checksum.digest:
            return present.path
    store.tidy()
    file = store.folder / ".downloads" / wanted.file_name
    if not (file.is_file() and wanted.checksum.matches(file)):
        download(wanted.url, file, wanted.checksum, wanted.largest, lambda f, text: progress(DOWNLOADED * f, text))
    progress(DOWNLOADED, "converting the model")
    try:
        bundle = load_bundle(file)
    except InputError:
        file.unlink(missing_ok=True)  # what was published is of no use
        raise
    path = _installed(_with_provenance(bundle, wanted), store, wanted.name, progress)
    file.unlink(missing_ok=True)
    return path


def _with_provenance(bundle: Bundle, wanted: Downloadable) -> Bundle:
    """The file's SHA-256 is in the provenance already: loading a checkpoint puts it there."""
    origin = {"source_url": wanted.url, "source_checksum": wanted.checksum.digest}
    training = {**bundle.manifest.training, **origin}
    licence = f"{wanted.licence}; {wanted.licence_url}"
    return replace(bundle, manifest=replace(bundle.manifest, name=wanted.title, licence=licence, training=training))


def install_as(
    wanted: str,
    store: WeightsStore,
    progress: Progress,
    *,
    is_same: Callable[[Path], bool],
    bytes_needed: int,
    save: Callable[[Path], Path],
) -> Path:
    """Install a model that was loaded, of whatever kind, as ``wanted`` or the next name that is free; its folder.

    Args:
        wanted: name.
        store, progress: as for :func:`install_from_file`.
        is_same: whether the model is the one in that folder, which may hold anything; then that one is the answer.
        bytes_needed: by its weights.
        save: writes it into a new folder, whole or not at all.

    Raises:
        InputError: the name cannot be used, or there is no room.
    """
    *taken, free = store.candidate_names(wanted)
    for name in taken:
        progress(0.95, "comparing with what is installed")
        if name not in RESERVED and is_same(store.folder / name):
            return store.folder / name
    _require_room(bytes_needed, store.folder)
    progress(0.98, "installing")
    return save(store.folder / free)


def _installed(bundle: Bundle, store: WeightsStore, wanted: str, progress: Progress) -> Path:
    return install_as(
        wanted,
        store,
        progress,
        is_same=lambda folder: _is_same(bundle, folder),
        bytes_needed=sum(tensor.nbytes for tensor in bundle.weights().values()),
        save=lambda folder: save_bundle(bundle, folder),
    )


def _is_same(bundle: Bundle, folder: Path) -> bool:
    """Whether the same weights are installed there, to be used in the same way; not where it is damaged."""
    try:
        other = load_bundle(folder)
    except InputError:
        return False
    if not bundle.manifest.has_network_of(other.manifest):
        return False
    a, b = bundle.weights(), other.weights()
    return a.keys() == b.keys() and all(bool((a[name] == b[name]).all()) for name in a)


def _require_room(weights: int, folder: Path) -> None:
    needed = OVERHEAD + weights
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise InputError(f"There is no room for the model in {folder}; free {(needed - free) / 1e6:.0f} MB there.")

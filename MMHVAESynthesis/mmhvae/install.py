"""Install a model among the user's, from a file or from the network, whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from .bundle import Bundle, load_bundle, save_bundle
from .download import download
from .downloadable import Downloadable
from .exceptions import Progress
from .weights import WeightsStore


def install_from_file(source: Path, store: WeightsStore, name: str, progress: Progress) -> Path:
    """Check a bundle's folder, zip, or the authors' ``.pth``, and install it as ``name``.

    A model of that name that has the same weights counts as installed.

    Raises:
        InputError: it is no bundle, is damaged, the name is taken by another model, or there is no room.
    """
    progress(0.1, "reading the weights")
    bundle = load_bundle(source)
    present = next((known for known in store.installed() if known.name == name and not known.is_shipped), None)
    if present is not None and _is_same(bundle, load_bundle(present.path)):
        return present.path
    place = store.place_for(name)
    progress(0.6, "installing")
    return save_bundle(bundle, place)


def _is_same(one: Bundle, other: Bundle) -> bool:
    a, b = one.network.state_dict(), other.network.state_dict()
    return a.keys() == b.keys() and all(bool((a[name] == b[name]).all()) for name in a)


def install_from_network(wanted: Downloadable, store: WeightsStore, progress: Progress) -> Path:
    """Download, verify, convert and install; the download is removed afterwards, and resumed if it broke off.

    Raises:
        InputError: see :func:`mmhvae.download.download` and :func:`install_from_file`.
    """
    file = store.folder / ".downloads" / wanted.file_name
    if not (file.is_file() and wanted.checksum.matches(file)):
        download(wanted.url, file, wanted.checksum, wanted.largest, lambda f, text: progress(0.9 * f, text))
    progress(0.9, "converting the weights")
    try:
        bundle = load_bundle(file)
        origin = {"url": wanted.url, "file_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        manifest = replace(
            bundle.manifest, name=wanted.title, licence=wanted.licence, training={**bundle.manifest.training, **origin}
        )
        return save_bundle(replace(bundle, manifest=manifest), store.place_for(wanted.name))
    finally:
        file.unlink(missing_ok=True)

"""Any model's files: ``bundle.json``, ``model.safetensors`` and ``MODEL_CARD.md``, in a folder or a zip.

A zip is read member by member and never extracted; sizes are capped, and whatever is damaged is one plain sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from ..exceptions import InputError
from ..files import whole_folder
from .provenance import without_places

MANIFEST, WEIGHTS, CARD = "bundle.json", "model.safetensors", "MODEL_CARD.md"
#: Largest sizes read, in bytes: far above any real bundle, far below what could exhaust a machine.
SIZE_LIMITS = {MANIFEST: 1 << 20, WEIGHTS: 1 << 30, CARD: 1 << 20}


def read_members(path: Path) -> dict[str, bytes]:
    """The three files of a bundle folder or zip, sizes capped.

    Raises:
        InputError: there is no such path, it is no bundle, or it cannot be read.
    """
    if not os.path.exists(path):  # Path.exists raises where a folder is closed to the user or a name too long
        raise InputError(f"There is no bundle {path}; check the path, or the name of an installed model.")
    return _read_folder(path) if path.is_dir() else _read_zip(path)


def require_checksum(members: Mapping[str, bytes], sha256: str, source: Path) -> None:
    """Raise :class:`InputError` unless the weights are those that the manifest was written for."""
    if hashlib.sha256(members[WEIGHTS]).hexdigest() != sha256:
        raise InputError(f"The weights in {source} do not match their checksum; get the bundle again.")


def write_members(members: Mapping[str, bytes], folder: Path) -> Path:
    """Write a bundle's files into ``folder``, which must be new or empty; whole or not at all.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; choose a new folder for the bundle.")
    with whole_folder(folder) as temporary:
        for name, content in members.items():
            (temporary / name).write_bytes(content)
    return folder


class Described(Protocol):
    """What every manifest tells beside the network; see :class:`Manifest`."""

    @property
    def training(self) -> Mapping[str, Any]: ...
    @property
    def licence(self) -> str: ...
    @property
    def intended_use(self) -> str: ...


def members_of(content: dict[str, Any], manifest: Described, weights: bytes, card: str) -> dict[str, bytes]:
    """A bundle's three files; ``content`` is what its manifest says of the network."""
    content = content | {
        "training": without_places(dict(manifest.training)),
        "licence": manifest.licence,
        "intended_use": manifest.intended_use,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return {MANIFEST: text.encode(), WEIGHTS: weights, CARD: card.encode()}


def description_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`members_of` wrote beside the network, as fields of a manifest."""
    return {
        "name": str(values["name"]),
        "training": without_places(dict(values["training"])),
        "licence": str(values["licence"]),
        "intended_use": str(values["intended_use"]),
        "weights_sha256": str(values["weights_sha256"]),
    }


@contextmanager
def damage_refused(source: str | Path, kind: str = "bundle") -> Iterator[None]:
    """Whatever a manifest that is not as it was written raises becomes one :class:`InputError`."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise InputError(f"The {MANIFEST} of {source} is damaged or incomplete; get the {kind} again.") from error


def tensors_in(weights: bytes, source: Path, kind: str = "bundle") -> dict[str, Tensor]:
    """The stored tensors.

    Raises:
        InputError: they cannot be read.
    """
    try:
        return load_tensors(weights)
    except SafetensorError as error:
        raise InputError(f"The weights in {source} cannot be read; get the {kind} again.") from error


def require_same_shapes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], source: Path) -> None:
    """Raise :class:`InputError` unless ``state`` has exactly the tensors of a network, in shape and type."""
    wanted = {name: (tensor.shape, tensor.dtype) for name, tensor in expected.items()}
    found = {name: (tensor.shape, tensor.dtype) for name, tensor in state.items()}
    if wanted != found:
        raise InputError(f"The weights in {source} do not fit the architecture it states; get the bundle again.")


def _read_folder(folder: Path) -> dict[str, bytes]:
    members = {}
    for name, limit in SIZE_LIMITS.items():
        member = folder / name
        if not member.is_file():
            raise InputError(f"{folder} is not a bundle: it has no {name}; choose a bundle's folder, zip or .pth file.")
        if member.stat().st_size > limit:
            raise InputError(f"{member} is larger than any bundle's; choose another bundle.")
        try:
            members[name] = member.read_bytes()
        except OSError as error:
            raise InputError(f"{member} cannot be read; check its permissions.") from error
    return members


def _read_zip(path: Path) -> dict[str, bytes]:
    """The three members, at the top of the zip or within one folder; everything suspicious is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            chosen = {name: _zip_member(entries, name, path) for name in SIZE_LIMITS}
            return {name: _read_member(archive, entry, SIZE_LIMITS[name], path) for name, entry in chosen.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path} is not a bundle zip, or is damaged; get the bundle again.") from error


def _zip_member(entries: list[zipfile.ZipInfo], name: str, path: Path) -> zipfile.ZipInfo:
    candidates = [entry for entry in entries if entry.filename.split("/")[-1] == name]
    if len(candidates) != 1:
        raise InputError(f"{path} is not a bundle: it holds {len(candidates)} files {name}; choose another zip.")
    entry = candidates[0]
    parts = entry.filename.split("/")
    packed_as_usual = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    is_link = entry.external_attr >> 16 & 0o170000 == 0o120000
    if len(parts) > 2 or ".." in parts or parts[0] == "" or is_link or not packed_as_usual:
        raise InputError(f"{path} holds {name} in an unsafe place or form; choose another zip.")
    return entry


def _read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, path: Path) -> bytes:
    # The declared size can lie, so what is actually unpacked is capped too.
    with archive.open(entry) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{entry.filename} in {path} is larger than any bundle's; choose another zip.")
    return content

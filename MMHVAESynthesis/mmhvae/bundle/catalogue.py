"""The models that can be downloaded, as ``Resources/Bundles/manifest.json`` lists them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..exceptions import InputError
from .download import Checksum
from .shipped import starter_bundle

#: Names another list, for tests and for those who keep models on a server of their own.
ENVIRONMENT = "MMHVAE_DOWNLOADS"


@dataclass(frozen=True)
class Downloadable:
    """A file that somebody else publishes.

    Attributes:
        name: that it gets when installed.
        title: as shown.
        url: https.
        checksum: of the file.
        largest: bytes it cannot exceed.
        licence: name of the licence, and who gave it.
        licence_url: where its text is.
        terms: what the user has to know before, in plain sentences.
    """

    name: str
    title: str
    url: str
    checksum: Checksum
    largest: int
    licence: str
    licence_url: str
    terms: str

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[-1]


def downloadables() -> list[Downloadable]:
    """All that are known to this version, or to the list that the environment names."""
    path = Path(os.environ.get(ENVIRONMENT) or starter_bundle().parent / "manifest.json")
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [Downloadable(**{**entry, "checksum": Checksum(**entry["checksum"])}) for entry in entries]


def downloadable(name: str) -> Downloadable:
    """The one of that name.

    Raises:
        InputError: there is none.
    """
    known = {entry.name: entry for entry in downloadables()}
    if name not in known:
        raise InputError(f"There is no model {name} to download; choose one of {', '.join(known)}.")
    return known[name]

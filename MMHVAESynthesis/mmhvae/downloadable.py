"""The models that can be downloaded, as ``Resources/Bundles/downloadable.json`` lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .download import Checksum
from .shipped import starter_bundle


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
        terms: what the user has to agree to before, in plain sentences.
    """

    name: str
    title: str
    url: str
    checksum: Checksum
    largest: int
    licence: str
    terms: str

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[-1]


def downloadables() -> list[Downloadable]:
    """All that are known to this version."""
    entries = json.loads((starter_bundle().parent / "downloadable.json").read_text(encoding="utf-8"))
    return [Downloadable(**{**entry, "checksum": Checksum(**entry["checksum"])}) for entry in entries]

"""The other module of this extension, which this one stands on: its library and the core."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

#: Beside this module's folder in a checkout; installed modules share one folder, and nothing is to be done.
FOLDER = Path(__file__).resolve().parents[2] / "MMHVAESynthesis"
_LIBRARY, _CORE = "MMHVAESynthesisLib", "mmhvae"


def find_synthesis(folder: Path = FOLDER) -> None:
    """Make MMHVAESynthesisLib and mmhvae importable, where only this module is in "Additional module paths".

    Raises:
        ImportError: they are nowhere; the sentence says what to do.
    """
    if _is_there():
        return
    if (folder / _LIBRARY).is_dir():
        sys.path.append(str(folder))  # at the end: it must not hide anything of Slicer's
        importlib.invalidate_caches()
    if not _is_there():
        raise ImportError(
            "MMHVAE Registration needs the module MMHVAE Synthesis of the same extension; add its folder"
            f" MMHVAESynthesis, too, in Edit > Application Settings > Modules (looked for it in {folder})."
        )


def _is_there() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in (_LIBRARY, _CORE))

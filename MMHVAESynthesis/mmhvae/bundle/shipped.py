"""The bundles that ship with the software, and the demo case, wherever this copy of the core keeps them.

An installed wheel carries them as the package ``mmhvae.resources``; in the extension and in a checkout they lie
in ``Resources``, beside the core.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..exceptions import InputError


def starter_bundle() -> Path:
    """Folder of the bundle that synthesises images."""
    return _resource("Bundles/starter")


def segmenter_bundle() -> Path:
    """Folder of the bundle that outlines tumours in MR."""
    return _resource("Bundles/segmenter")


def brain_extractor_bundle() -> Path:
    """Folder of the bundle that finds the brain in MR."""
    return _resource("Bundles/brain")


def demo_case() -> Path:
    """Folder of the simulated case that ships with the software."""
    return _resource("Samples/demo")


@cache
def _resource(name: str) -> Path:
    here = Path(__file__).resolve().parents[1]
    for root in (here / "resources", here.parent / "Resources"):
        if (root / name).is_dir():
            return root / name
    raise InputError(f"This installation lacks {name}; install MMHVAE again.")

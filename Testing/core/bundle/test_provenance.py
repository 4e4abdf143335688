"""No bundle tells of the machine that trained it: not when written, not when read, and not the shipped one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mmhvae.bundle.bundle import Bundle, Manifest, load_bundle, save_bundle
from mmhvae.bundle.members import MANIFEST, WEIGHTS
from mmhvae.bundle.provenance import without_places
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.network.model import MMHVAE, MMHVAEConfig

CONFIG = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/home/jane/runs/fifth", "fifth"),
        ("/home/jane/my runs/the fifth/", "the fifth"),
        ("~/runs/fifth", "fifth"),
        ("~jane/runs/fifth", "fifth"),
        (r"C:\Users\jane\runs\fifth", "fifth"),
        (r"\\server\share\fifth", "fifth"),
        ("D:/data/cases", "cases"),
        ("train.py --cases=/data/cases --run '/home/jane/r' done", "train.py --cases=cases --run 'r' done"),
        ("Training/train.py", "Training/train.py"),
        ("https://example.org/a/b.pth", "https://example.org/a/b.pth"),
        ("image loss L1 / 2, 1/3 of the steps", "image loss L1 / 2, 1/3 of the steps"),
        ("steps 0 to 700: cases 1000 to 1047", "steps 0 to 700: cases 1000 to 1047"),
        ({"/a/b": ["/c/d", 3, None, True, {"x": "/e/f"}]}, {"b": ["d", 3, None, True, {"x": "f"}]}),
        ("/", "."),
        ("", ""),
    ],
    ids=str,
)
def test_places_are_cut_down_to_names(given: Any, kept: Any) -> None:
    assert without_places(given) == kept
    assert without_places(kept) == kept


@pytest.fixture
def made() -> Bundle:
    torch.manual_seed(0)
    training = {"config": {"run": "/home/jane/runs/fifth", "epochs": 3}, "commit": "abc"}
    manifest = Manifest("tiny", CONFIG, 1.0, "MIT", "tests", training)
    return Bundle(MMHVAE(CONFIG).eval(), manifest, "card")


def test_they_are_neither_written_nor_read(made: Bundle, tmp_path) -> None:
    folder = save_bundle(made, tmp_path / "bundle")
    assert "jane" not in (folder / MANIFEST).read_text()
    clean = {"config": {"run": "fifth", "epochs": 3}, "commit": "abc"}
    assert load_bundle(folder).manifest.training == clean
    foreign = json.loads((folder / MANIFEST).read_text())
    foreign["training"] = dict(made.manifest.training)
    (folder / MANIFEST).write_text(json.dumps(foreign))
    read = load_bundle(folder)
    assert read.manifest.training == clean
    again = save_bundle(replace(read, card="card"), tmp_path / "again")
    assert "jane" not in (again / MANIFEST).read_text()


def test_the_shipped_bundle_names_no_place_and_its_weights_are_those_it_states() -> None:
    folder = starter_bundle()
    stored = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert stored == without_places(stored)
    assert hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() == stored["weights_sha256"]
    for file in (folder / MANIFEST, folder / "MODEL_CARD.md"):
        assert not re.search(r"(?<![\w.:/])/(?:home|root|work|tmp|Users|mnt|data)/", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["starter", "segmenter", "brain"])
def test_a_shipped_card_is_the_one_that_training_keeps(name: str) -> None:
    repository = Path(__file__).resolve().parents[3]
    card = repository / "MMHVAESynthesis" / "Resources" / "Bundles" / name / "MODEL_CARD.md"
    assert card.read_bytes() == (repository / "Training" / "cards" / f"{name}.md").read_bytes()

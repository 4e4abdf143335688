"""Brain extractors on disk: round trip, and everything that must be refused."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from mmhvae.bundle import MANIFEST, WEIGHTS, segmenter_bundle
from mmhvae.exceptions import InputError
from mmhvae.segmentation import load_brain_extractor, load_segmenter, save_brain_extractor

from .bright_network import PLAN, save_bright_extractor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_bright_extractor(tmp_path_factory.mktemp("b") / "bright")


def test_round_trip_keeps_weights_to_half_precision_and_everything_else_exactly(folder, tmp_path):
    extractor = load_brain_extractor(folder)
    assert (extractor.manifest.architecture, extractor.manifest.spacing_mm, extractor.card) == (PLAN, 2.0, "# Card\n")
    again = load_brain_extractor(save_brain_extractor(extractor, tmp_path / "again"))
    for name, tensor in extractor.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)
    zipped = shutil.make_archive(str(tmp_path / "zipped"), "zip", folder)
    assert load_brain_extractor(zipped).manifest == extractor.manifest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "another version"),
        ({"network": "os.system"}, "another version"),
        ({"intensities": {}}, "another version"),
        ({"architecture": {"features": [4]}}, "damaged"),
        ({"spacing_mm": 0.1}, "damaged"),
        ({"spacing_mm": float("nan")}, "damaged"),
        ({"weights_sha256": "0"}, "checksum"),
        ({"outlines": ["heart"]}, "outlines tumours in MR; choose one that finds the brain"),
    ],
)
def test_an_altered_manifest_is_refused(folder, tmp_path, changes, words):
    copy = shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=words):
        load_brain_extractor(copy)


def test_damaged_weights_and_models_of_another_kind_are_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / WEIGHTS).write_bytes(b"\0" * 40)
    with pytest.raises(InputError, match="checksum"):
        load_brain_extractor(copy)
    with pytest.raises(InputError, match="outlines tumours in MR; choose one that finds the brain"):
        load_brain_extractor(segmenter_bundle())
    with pytest.raises(InputError, match="finds the brain in MR; choose one that outlines tumours in MR"):
        load_segmenter(folder)

"""Segmenters on disk: round trip, and everything that must be refused."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from mmhvae.bundle import MANIFEST, WEIGHTS, load_bundle, starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.segmentation import (
    SegmenterBundle,
    SegmenterManifest,
    TumourUNet,
    UNetConfig,
    load_segmenter,
    save_segmenter,
)

SMALL = UNetConfig(channels=(4, 8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    manifest = SegmenterManifest("small", SMALL, 1.0, (16, 16, 8), "MIT", "tests", {"patients": 3})
    bundle = SegmenterBundle(TumourUNet(SMALL).eval(), manifest, "# Small\n")
    return save_segmenter(bundle, tmp_path_factory.mktemp("s") / "small")


def test_round_trip_keeps_weights_to_half_precision_and_everything_else_exactly(folder, tmp_path):
    bundle = load_segmenter(folder)
    assert (bundle.manifest.architecture, bundle.manifest.crop, bundle.card) == (SMALL, (16, 16, 8), "# Small\n")
    assert bundle.manifest.training == {"patients": 3}
    assert not bundle.network.training
    again = load_segmenter(save_segmenter(bundle, tmp_path / "again"))
    for name, tensor in bundle.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)
        assert tensor.dtype == torch.float32
    zipped = shutil.make_archive(str(tmp_path / "zipped"), "zip", folder)
    assert load_segmenter(zipped).manifest.weights_sha256 == bundle.manifest.weights_sha256


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "another version"),
        ({"network": "os.system"}, "another version"),
        ({"intensities": {}}, "another version"),
        ({"channels": [4, 10**6]}, "damaged"),
        ({"channels": [4, 8, 8]}, "do not fit"),
        ({"modalities": ["t1", "ct"]}, "damaged"),
        ({"crop": [16, 16, 10]}, "damaged"),
        ({"crop": [10**6, 16, 16]}, "damaged"),
        ({"spacing_mm": 0}, "damaged"),
        ({"weights_sha256": "0"}, "checksum"),
        ({"outlines": None}, "another version|damaged"),
    ],
)
def test_an_altered_manifest_is_refused(folder, tmp_path, changes, words):
    copy = shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=words):
        load_segmenter(copy)


def test_damaged_weights_and_foreign_bundles_are_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / WEIGHTS).write_bytes(b"\0" * 40)
    with pytest.raises(InputError, match="checksum"):
        load_segmenter(copy)
    with pytest.raises(InputError, match="synthesises images; choose one that outlines tumours in MR"):
        load_segmenter(starter_bundle())
    with pytest.raises(InputError, match="outlines tumours in MR; choose one that synthesises"):
        load_bundle(folder)
    with pytest.raises(InputError, match="There is no bundle"):
        load_segmenter(tmp_path / "none")

"""What counts as a change of an input's voxels."""

from __future__ import annotations

import time

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAESynthesisLib.nodes.fingerprints import Fingerprint, content, fingerprint

from ..made_nodes import fan, pose, volume


@pytest.mark.parametrize("size", [5, 4096 * 8, 3 * 4096 * 8 + 17])
def test_any_single_voxel_and_any_swap_counts(size):
    rng = np.random.default_rng(size)
    array = rng.integers(0, 255, size, dtype=np.uint8)
    seen = {content(array)}
    for place in {0, size // 2, size - 1}:
        changed = array.copy()
        changed[place] ^= 1
        seen.add(content(changed))
    seen.add(content(array[::-1]))
    seen.add(content(np.roll(array, 1)))
    seen.add(content(array.view(np.int8)))
    assert len(seen) == 7


def test_a_shift_by_a_whole_row_counts():
    array = np.random.default_rng(0).integers(0, 2**63, (5, 4096), dtype=np.uint64)
    assert content(np.roll(array, 1, 0)) != content(array)
    assert content(np.roll(array, 1, 1)) != content(array)


def test_voxels_are_looked_at_again_only_after_a_change(scene):
    node = volume(np.random.default_rng(0).random((256, 256, 256), np.float32))
    first = fingerprint(node)
    begun = time.process_time()
    for _ in range(100):
        assert fingerprint(node).content == first.content
    assert time.process_time() - begun < 0.5
    slicer.util.arrayFromVolume(node)[0, 0, 0] = 2
    slicer.util.arrayFromVolumeModified(node)
    assert fingerprint(node).content != first.content
    slicer.util.updateVolumeFromArray(node, np.ones((2, 2, 2), np.uint8))
    assert fingerprint(node).size == (2, 2, 2)


def test_it_survives_text(scene):
    first = fingerprint(volume(fan(), pose(1)))
    again = Fingerprint.from_json(first.to_json())
    assert again.difference(first) == ""
    assert again.difference(fingerprint(volume(fan(), pose(2)))) == "place"
    assert again.difference(fingerprint(volume(fan(seed=1), pose(1)))) == "content"

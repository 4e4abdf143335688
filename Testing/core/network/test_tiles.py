"""Tiles: coverage, exact reassembly, no seam, and noise that agrees where tiles overlap."""

from __future__ import annotations

import pytest
import torch
from mmhvae.network.tiles import TileLayout


@pytest.mark.parametrize(
    ("plane", "side", "stride", "tiles"),
    [
        ((100, 80), 192, 64, 1),
        ((192, 192), 192, 64, 1),
        ((193, 10), 192, 64, 2),
        ((230, 230), 192, 64, 4),
        ((500, 192), 192, 64, 4),
        ((97, 200), 96, 32, 6),
        ((1, 1), 96, 32, 1),
    ],
)
def test_planes_come_back_exactly(plane, side, stride, tiles):
    layout = TileLayout.covering(plane, side, stride)
    assert len(layout.corners) == tiles
    assert all(start % stride == 0 for starts in layout.starts for start in starts)
    planes = torch.rand(2, *plane)
    cut = layout.cut(planes, -1.0)
    assert cut.shape == (2, tiles, side, side)
    torch.testing.assert_close(layout.blend(cut), planes)


def test_small_planes_are_centred():
    layout = TileLayout.covering((4, 6), 8, 2)
    tile = layout.cut(torch.ones(1, 4, 6), -1.0)[0, 0]
    assert (tile[2:6, 1:7] == 1).all()
    assert int((tile == -1).sum()) == 64 - 24


def test_tiles_that_disagree_blend_without_a_step():
    layout = TileLayout.covering((230, 192), 192, 64)
    tiles = torch.stack([torch.zeros(192, 192), torch.ones(192, 192)])[None]
    profile = layout.blend(tiles)[0, :, 50]
    assert profile[0] == 0
    assert profile[-1] == 1
    assert profile.diff().abs().max() < 0.02
    assert (profile.diff() >= 0).all()


def test_noise_agrees_where_tiles_overlap_at_every_level():
    layout = TileLayout.covering((150, 96), 96, 32)
    fields = [torch.randn(5), torch.randn(2, layout.canvas[0] // 32, 3), torch.randn(2, layout.canvas[0], 96)]
    vector, coarse, fine = layout.cut_noise(fields)
    torch.testing.assert_close(vector[0], vector[1])
    shift = layout.starts[0][1]
    torch.testing.assert_close(coarse[0][:, shift // 32 :], coarse[1][:, : 3 - shift // 32])
    torch.testing.assert_close(fine[0][:, shift:], fine[1][:, : 96 - shift])

"""The losses against their formulas and finite differences; anchors; views that undo each other."""

from __future__ import annotations

import math

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.personalised.anchor import Anchor
from mmhvae_training.personalised.inputs import all_subsets, shown
from mmhvae_training.personalised.losses import (
    contrastive_loss,
    decomposition_loss,
    inpainting_loss,
    invariance_loss,
    rotation_loss,
    task_loss,
)
from mmhvae_training.personalised.views import cut_out, draw_boxes, turned, turned_back
from mmhvae_training.segmentation.losses import segmentation_losses

#: Nested regions of the segmenter, two views (2, 3, 1, 2, 2); in the second view there is no core.
NESTED = (torch.tensor([[3, 2, 1, 0], [1, 1, 0, 0]]).view(2, 1, 1, 2, 2) > torch.arange(3).view(1, 3, 1, 1, 1)).double()


def test_contrast_is_nt_xent_of_each_view_against_all_others():
    first, second = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    views = [v / v.norm() for v in [*first, *second]]
    total = 0.0
    for i, view in enumerate(views):
        exponentials = {j: math.exp(float(view @ other) / 0.1) for j, other in enumerate(views) if j != i}
        total -= math.log(exponentials[(i + 3) % 6] / sum(exponentials.values()))
    assert contrastive_loss(first, second).item() == pytest.approx(total / 6, rel=1e-5)
    with pytest.raises(ValueError, match="two sub-volumes"):
        contrastive_loss(first[:1], second[:1])


def test_decomposition_weighs_the_foreground_ten_times_beside_the_whole():
    output, images = torch.randn(2, 3, 2, 2, 2), torch.randn(2, 3, 2, 2, 2)
    foreground = torch.rand(2, 3, 2, 2, 2) > 0.5
    error = (output - images) ** 2
    expected = 10 * error[foreground].mean() + error.mean()
    torch.testing.assert_close(decomposition_loss(output, images, foreground), expected)
    nothing = torch.zeros_like(foreground)
    torch.testing.assert_close(decomposition_loss(output, images, nothing), error.mean())


def test_the_task_is_dice_over_all_classes_and_cross_entropy_weighted_by_rarity():
    labels = torch.tensor([[[[0, 0], [1, 2]]]])
    perfect = 40.0 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1)
    assert task_loss(perfect, labels).item() == pytest.approx(0, abs=1e-5)
    uniform = torch.zeros(1, 3, 1, 2, 2)
    dices = [2 * (n / 3) / (4 / 3 + n) for n in (2, 1, 1)]
    cross_entropy = math.log(3) * (2 * 0.5 + 0.75 + 0.75) / 4
    assert task_loss(uniform, labels).item() == pytest.approx(1 - sum(dices) / 3 + cross_entropy, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (lambda x: contrastive_loss(x, torch.ones_like(x).cumsum(1)), (3, 4)),
        (lambda x: rotation_loss(x, torch.tensor([0, 3, 1])), (3, 4)),
        (lambda x: invariance_loss(x, torch.ones_like(x)), (2, 3)),
        (lambda x: decomposition_loss(x, torch.ones_like(x), x.detach() > 0), (1, 2, 2, 2, 2)),
        (lambda x: inpainting_loss(x, torch.full_like(x, 0.5)), (1, 2, 2, 2, 2)),
        (lambda x: task_loss(x, torch.tensor([[[[0, 1], [2, 1]]]])), (1, 3, 1, 2, 2)),
        (lambda x: segmentation_losses(x, NESTED)["cross-entropy"], (2, 3, 1, 2, 2)),
        # Times 100: the smoothing of as many voxels leaves small gradients of so few.
        (lambda x: 100 * segmentation_losses(x, NESTED)["dice"], (2, 3, 1, 2, 2)),
    ],
    ids=["contrastive", "rotation", "invariance", "decomposition", "inpainting", "task", "cross-entropy", "dice"],
)
def test_gradients_are_those_of_finite_differences(loss, shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss(x).backward()
    for index in list(torch.cartesian_prod(*map(torch.arange, shape)))[::3]:
        step = torch.zeros(shape, dtype=torch.float64)
        step[tuple(index)] = 1e-2  # the contrast and the task compute in single precision
        with torch.no_grad():
            difference = (loss(x + step) - loss(x - step)) / 2e-2
        assert x.grad[tuple(index)].item() == pytest.approx(difference.item(), rel=0.03, abs=1e-4)


@pytest.mark.parametrize(("kind", "weights"), [("running", (1 / 8, 1 / 8, 1 / 4, 1 / 2)), ("mean", (1 / 4,) * 4)])
def test_weights_of_four_modalities_in_the_anchor(kind, weights):
    anchor, unit = Anchor(kind), torch.eye(4)
    for row in unit:
        anchor.add(row.requires_grad_())
    torch.testing.assert_close(anchor.value, torch.tensor(weights))
    assert not anchor.value.requires_grad


def test_turning_back_undoes_every_turn_and_turns_about_z():
    volumes = torch.randn(4, 2, 3, 5, 5)
    turns = torch.tensor([0, 1, 2, 3])
    there = turned(volumes, turns)
    assert torch.equal(turned_back(there, turns), volumes)
    assert torch.equal(there[:, :, 1], turned(volumes[:, :, 1:2], turns)[:, :, 0])  # slices along z stay slices
    assert not torch.equal(there[1], volumes[1])


def test_cutout_covers_a_bounded_share_with_noise_or_with_another_sub_volume():
    generator = torch.Generator().manual_seed(0)
    volumes = torch.stack([torch.full((1, 20, 20, 20), 5.0), torch.full((1, 20, 20, 20), 9.0)])
    seen = set()
    for _ in range(6):
        changed = cut_out(volumes, generator)
        different = changed[0] != 5.0
        assert different.float().mean() < 0.75
        others = changed[0][different]
        seen |= {"noise"} if (others <= 1).any() else set()
        seen |= {"other"} if (others == 9.0).any() else set()
        assert ((others <= 1) | (others == 9.0)).all()
    assert seen == {"noise", "other"}
    boxes = draw_boxes((40, 20, 20), 1, 0, generator)
    assert all(c >= 0 and c + s <= n for b in boxes for c, s, n in zip(b.corner, b.size, (40, 20, 20), strict=True))


def test_a_modality_alone_is_repeated_and_the_mean_stands_in_for_missing_ones():
    images = torch.arange(4.0)[None, :, None, None, None].expand(1, 4, 2, 2, 2)
    assert shown(images, (2,))[0, :, 0, 0, 0].tolist() == [2, 2, 2, 2]
    assert shown(images, (0, 3))[0, :, 0, 0, 0].tolist() == [0, 1.5, 1.5, 3]
    assert torch.equal(shown(images, (0, 1, 2, 3)), images)
    assert len(all_subsets(4)) == 15
    with pytest.raises(ValueError, match="One modality or more"):
        shown(images, ())

"""Mixing bundles: tensor by tensor a weighted mean; what cannot be mixed is refused."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from mix_bundles import main, mixed
from mmhvae import load_bundle
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig, Refinement, RefinementConfig

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_blocks=1)


def tiny(seed: int, config: MMHVAEConfig = TINY) -> Bundle:
    torch.manual_seed(seed)
    manifest = Manifest(f"tiny-{seed}", config, 1.0, "MIT", "tests", {"seed": seed}, strength={"t2": 0.5})
    return Bundle(MMHVAE(config).eval(), manifest, f"# Card {seed}\n")


def test_weights_are_the_weighted_mean_and_the_record_names_both(tmp_path, monkeypatch):
    folders = [save_bundle(tiny(seed), tmp_path / f"tiny-{seed}") for seed in (1, 2)]
    given = ["--first", folders[0], "--second", folders[1], "--share", 0.25, "--output", tmp_path / "mixed"]
    monkeypatch.setattr(sys, "argv", ["mix_bundles.py", *map(str, given)])
    main()
    first, second, found = (load_bundle(folder) for folder in (*folders, tmp_path / "mixed"))
    for name, value in found.network.state_dict().items():
        expected = 0.75 * first.network.state_dict()[name] + 0.25 * second.network.state_dict()[name]
        torch.testing.assert_close(value, expected)
    assert (found.manifest.name, found.card, dict(found.manifest.strength)) == ("mixed", "# Card 1\n", {})
    parts = found.manifest.training["mixed_of"]
    assert [(part["share"], part["training"]["seed"]) for part in parts] == [(0.75, 1), (0.25, 2)]
    assert [part["weights_sha256"] for part in parts] == [b.manifest.weights_sha256 for b in (first, second)]


@pytest.mark.parametrize(
    ("second", "share", "words"),
    [
        (lambda: tiny(2), 1.5, "from 0 to 1"),
        (lambda: tiny(2), float("nan"), "from 0 to 1"),
        (lambda: tiny(2, replace(TINY, num_pools=1)), 0.5, "networks differ"),
        (lambda: replace(tiny(2), refinement=Refinement(4, RefinementConfig(4, (1,)))), 0.5, "refinement"),
    ],
    ids=["share", "no number", "network", "refinement"],
)
def test_what_cannot_be_mixed_is_refused(second, share, words):
    with pytest.raises(InputError, match=words):
        mixed(tiny(1), second(), share, "mixed")

"""The authors' checkpoint: golden values of all 15 subsets, the configuration from the shapes, bad files."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from mmhvae.bundle.release import infer_config, load_release, renamed
from mmhvae.exceptions import InputError
from mmhvae.network.model import MMHVAEConfig

MODALITIES = ("us", "t2", "cet1", "flair")
SUBSETS = [s for r in range(1, 5) for s in itertools.combinations(MODALITIES, r)]


@pytest.fixture(scope="module")
def network(golden):
    return load_release(golden / "CP_main_1000.pth")


@pytest.fixture(scope="module")
def values(golden):
    return np.load(golden / "golden.npz")


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_golden_values(network, values, subset):
    inputs = {name: torch.from_numpy(values[f"input/{name}"]) for name in subset}
    with torch.no_grad():
        output = network(inputs, temperature=0)
    key = "+".join(subset)
    for name in MODALITIES:
        np.testing.assert_allclose(output.images[name], values[f"output/{key}/{name}"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(output.z1, values[f"z1/{key}"], rtol=0, atol=1e-5)


def test_the_configuration_is_inferred(network):
    assert network.config == MMHVAEConfig(
        image_size=32, base_features=4, max_features=16, num_pools=3, decoder_features=4, decoder_blocks=2,
        fusion="release",
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"modalities": ("flair", "us")},
        {"base_features": 8, "decoder_features": 4},  # no projection
        {"num_pools": 1, "max_features": 64},  # bottom narrower than the cap
        {"num_pools": 4, "image_size": 48},
        {"decoder_blocks": 5},
    ],
    ids=str,
)
def test_other_configurations_are_inferred(changes):
    """Write a checkpoint of another size under the release's names; only its shapes tell the configuration."""
    from mmhvae.network.model import MMHVAE

    base = {"image_size": 32, "base_features": 4, "max_features": 16, "num_pools": 3, "decoder_features": 4}
    config = MMHVAEConfig(**{**base, "decoder_blocks": 2, "fusion": "release", **changes})
    ours = MMHVAE(config).state_dict()
    released = {released_key(name, config): tensor for name, tensor in ours.items()}
    assert infer_config(released) == config
    back = renamed(released, config)
    assert {name: tensor.shape for name, tensor in back.items()} == {n: t.shape for n, t in ours.items()}


def released_key(name: str, config: MMHVAEConfig) -> str:
    """Our parameter name -> the release's, written out independently of the importer's table."""
    part, *rest = name.split(".")
    leaf = ".".join(rest)
    if part == "encoders":
        modality, kind, *tail = rest
        if kind == "stem":
            return f"first_conv.{modality}.{tail[0]}"
        if kind == "downs":
            return f"td.{modality}.{'.'.join(tail)}"
        words = {"conv1": "conv_0", "conv2": "conv_1", "gate": "se.se", "squeeze": "0", "excite": "2"}
        return f"conv_blocks_context.{modality}." + ".".join(words.get(word, word) for word in tail)
    if part == "coarsest":
        return leaf.replace("to_expert", "bottleneck_down.linear").replace("to_features", "bottleneck_up.linear")
    if part == "levels":
        level, kind, *tail = rest
        tail = ".".join(tail)
        if kind == "merge":
            return f"tu.{level}.conv_1.{tail}"
        if kind == "prior":
            return f"pz.{level}.{tail}"
        if kind == "expert":
            tail = tail.replace("conv1", "conv_0").replace("conv2", "conv_1").replace("head", "last_conv")
            return f"qz.{level}." + tail.replace("gate.squeeze", "se.se.0").replace("gate.excite", "se.se.2")
        tail = tail.replace("expand", "conv_0").replace("depthwise", "dw_conv_1").replace("project", "conv_2")
        tail = tail.replace("gate.squeeze", "se_2.se.0").replace("gate.excite", "se_2.se.2")
        return f"conv_blocks_localization.{level}.{tail}"
    modality, kind, *tail = rest
    offset = int(config.base_features // 2 != config.decoder_features)
    if kind == "blocks":
        index, conv, last = tail
        return f"final_blocks.{modality}.res.{int(index) + offset}.conv_block.{1 if conv == 'conv1' else 5}.{last}"
    return (
        f"final_blocks.{modality}." + {"project": "res.0", "smooth": "convt2", "head": "convt3"}[kind] + f".{tail[0]}"
    )


class Trap:
    """Runs code when unpickled carelessly."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


@pytest.mark.parametrize("kind", ["missing", "text", "pickle", "trap", "list", "other model", "truncated", "extra"])
def test_other_files_are_refused_in_a_sentence(tmp_path, golden, kind):
    path = tmp_path / "CP.pth"
    state = torch.load(golden / "CP_main_1000.pth", weights_only=True)
    if kind == "text":
        path.write_text("no weights here")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"a": 1}))
    elif kind == "trap":
        torch.save({"first_conv.us.weight": Trap()}, path)
    elif kind == "list":
        torch.save([torch.zeros(2)], path)
    elif kind == "other model":
        torch.save({"conv.weight": torch.zeros(2, 2)}, path)
    elif kind == "truncated":
        path.write_bytes((golden / "CP_main_1000.pth").read_bytes()[:100_000])
    elif kind == "extra":
        torch.save({**state, "surprise.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"^[^\n]+\.$"):
        load_release(path)

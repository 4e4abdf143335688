"""Parameters and multiplications of MMHVAE and its kin beside the paper's; the script over small methods."""

from __future__ import annotations

import json
import sys

import measure_methods
import pytest
import torch
from measure_methods import NETWORKS, main
from mmhvae import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.baselines.costs import cost_of, parameters_of
from mmhvae_training.baselines.methods import METHODS
from mmhvae_training.baselines.mmhvae import MMHVAESynthesiser
from torch.utils.flop_counter import FlopCounterMode

from .conftest import MODALITIES, SIDE, tiny_baseline, tiny_batch


@pytest.mark.parametrize(
    ("name", "inputs", "millions", "gmacs"),
    [
        ("mmhvae", MODALITIES, 13.775, 12.65),  # the paper: 14 M, 13 GMACs
        ("mmhvae", ("us",), 13.775, 6.54),
        ("mopoe", MODALITIES, 12.239, 8.09),
        ("mhvae", ("us", "t2"), 10.099, 7.81),
    ],
)
def test_mmhvae_and_its_kin_have_the_sizes_of_the_comparison(name, inputs, millions, gmacs):
    network, images = NETWORKS[name](), {modality: torch.zeros(1, 1, 192, 192) for modality in inputs}
    assert parameters_of(network) / 1e6 == pytest.approx(millions, abs=5e-4)
    with FlopCounterMode(display=False) as counter:
        MMHVAESynthesiser(network, temperature=0).synthesise(images, network.config.modalities, images["us"] > -1)
    assert counter.get_total_flops() / 2e9 == pytest.approx(gmacs, abs=0.006)


def test_a_bridge_costs_its_evaluations():
    method = tiny_baseline("m2dn")
    with FlopCounterMode(display=False) as once:
        method.network(torch.zeros(1, 12, SIDE, SIDE), timesteps=torch.zeros(1))
    cost = cost_of(method, method.network, ["us"], ["t2"], SIDE, repeats=2)
    assert cost.gmacs == pytest.approx(method.config.evaluations * once.get_total_flops() / 2e9)
    assert cost.parameters == parameters_of(method.network)
    assert 0 < cost.seconds <= cost.slowest
    assert cost.side == SIDE


def test_mmhvae_synthesises_as_its_network_does():
    torch.manual_seed(0)
    batch = tiny_batch(size=1)
    network = MMHVAE(MMHVAEConfig(image_size=SIDE, num_pools=2, base_features=8, max_features=16))
    method = MMHVAESynthesiser(network)
    seed = torch.Generator()
    ours = method.synthesise(batch.inputs, ["t2"], batch.mask, seed.manual_seed(1))
    with torch.no_grad():
        theirs = network.eval()(batch.inputs, ["t2"], 0.5, batch.mask, seed.manual_seed(1)).images
    assert list(ours) == ["t2"]
    assert torch.equal(ours["t2"], theirs["t2"])


def test_the_script_fills_a_table(tmp_path, monkeypatch, capsys):
    options = ["--methods", *METHODS, "--size", "small", "--side", "32", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["measure_methods.py", *options, "--output", str(tmp_path / "costs.json")])
    main()
    assert capsys.readouterr().out.count("| m") == 3
    written = json.loads((tmp_path / "costs.json").read_text())
    assert list(written["costs"]) == ["mm-gan", "resvit", "m2dn"]
    assert written["inputs"] == list(MODALITIES)
    assert all(cost["seconds"] > 0 and cost["gmacs"] > 0 for cost in written["costs"].values())
    assert {(cost["size"], cost["side"]) for cost in written["costs"].values()} == {("small", 32)}
    monkeypatch.setattr(sys, "argv", ["measure_methods.py", "--repeats", "0"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "--repeats: 0 cannot be; give a whole number, 1 or more." in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ["--run", "a/resvit/seed-1", "--run", "b/resvit/seed-2"],
        ["--run", "a/resvit", "--methods", "mhvae", "resvit"],
        ["--methods", "resvit", "mhvae", "resvit"],
    ],
    ids=["runs", "a run and a method", "methods"],
)
def test_no_costs_replace_others_of_the_same_name(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)  # nothing is read, let alone measured
    monkeypatch.setattr(measure_methods, "cost_of", None)
    monkeypatch.setattr(measure_methods, "volumes_of_run", None)
    monkeypatch.setattr(sys, "argv", ["measure_methods.py", *given, "--output", "costs.json"])
    with pytest.raises(InputError, match=r"Two of the methods and runs are named resvit, .* an --output of its own"):
        measure_methods.main()
    assert not (tmp_path / "costs.json").exists()

"""The refinement's losses, its syntheses, its run in the general loop, and the bundle that carries it."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

from mmhvae import load_bundle
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae_training.loop.checkpoints import CHECKPOINT
from mmhvae_training.loop.logbook import LOSSES
from mmhvae_training.loop.run_state import same_content
from mmhvae_training.refinement.configuration import CosineConfig, RefinementLossConfig
from mmhvae_training.refinement.losses import RADIUS, local_correlation, refinement_losses
from mmhvae_training.refinement.refinement_method import judged_voxels
from mmhvae_training.refinement.syntheses import draw_patches

TRAINING = Path(__file__).resolve().parents[3] / "Training"
TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)
#: A sphere of 20 voxels across: the tiny network tiles it.
SIZE = (14, 18, 20)


def script(name: str):
    spec = importlib.util.spec_from_file_location(Path(name).name, TRAINING / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(main, monkeypatch, capsys, *arguments: object) -> tuple[int, str]:
    """A script in this process -> status and complaint."""
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, arguments)])
    return status_of(main), capsys.readouterr().err


@pytest.fixture(scope="module")
def world(tmp_path_factory, write_case):
    """A complete case, one without ceT1, and the bundle of a network with random weights."""
    folder = tmp_path_factory.mktemp("refinement")
    write_case(folder / "cases" / "a", size=SIZE)
    write_case(folder / "cases" / "b", ("us", "t2", "flair"), seed=1, size=SIZE)
    torch.manual_seed(0)
    manifest = Manifest("tiny", TINY, 1.0, "none", "tests", strength={"t2": 0.5})
    save_bundle(Bundle(MMHVAE(TINY).eval(), manifest, "# Tiny\n"), folder / "bundle")
    return folder


@pytest.fixture
def train(world, monkeypatch, capsys):
    """``train(run, *options)``: the script on the world's cases."""
    main = script("studies/train_refinement").main

    def run(folder: Path, *options: object) -> tuple[int, str]:
        data = ["--data.cases", world / "cases", "--data.bundle", world / "bundle", "--data.cache", world / "cache"]
        small = ["--data.crop", "[8,8,8]", "--data.margin", 1, "--data.views", 2, "--architecture.features", 4]
        rest = ["--device.accelerator", "cpu", "--device.devices", 1, "--output.checkpoint_every", 1]
        given = [*data, *small, *rest, "--architecture.dilations", "[1]", "--output.log_every", 1, "--run", folder]
        return call(main, monkeypatch, capsys, *given, *options)

    return run


def test_a_killed_run_goes_on_as_if_nothing_had_happened(train, tmp_path, world):
    weighed = ("--loss.correlation_weight", 0.1, "--optimisation.steps", 4, "--optimisation.learning_rate", 0.01)
    assert train(tmp_path / "whole", *weighed)[0] == 0
    method = script("studies/train_refinement").RefinementMethod
    losses = method.losses

    def stops(self, fabric):
        if self.state.step == 2:
            raise KeyboardInterrupt
        return losses(self, fabric)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(method, "losses", stops)
        assert train(tmp_path / "parts", *weighed)[0] == 130
    assert train(tmp_path / "parts", *weighed)[0] == 0
    whole, parts = (torch.load(tmp_path / run / CHECKPOINT, weights_only=True) for run in ("whole", "parts"))
    assert same_content(whole, parts)
    told = [json.loads(line) for line in (tmp_path / "parts" / LOSSES).read_text().splitlines()]
    assert [line["step"] for line in told] == [1, 2, 3, 4]
    assert {"image", "correlation", "before", "gradient", "learning_rate"} <= set(told[0])
    assert told[0]["image"] == told[0]["before"]  # the identity at the start
    assert train(tmp_path / "parts", *weighed, "--data.margin", 2) == (
        2,
        f"script.py: {tmp_path / 'parts'} holds a run with other data; choose a new folder, or the settings it had.\n",
    )


def test_syntheses_are_made_once_and_hold_inputs_and_truths(train, tmp_path, world):
    assert train(tmp_path / "run", "--optimisation.steps", 1)[0] == 0
    kept = {path: path.stat().st_mtime_ns for path in (world / "cache").rglob("*.npz")}
    assert train(tmp_path / "other", "--optimisation.steps", 1)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in (world / "cache").rglob("*.npz")} == kept
    names = [re.sub("-[0-9a-f]{8}-", "-", path.stem) for path in sorted(kept)]
    assert names == ["a-0", "a-1", "b-0", "b-1"]
    for path in kept:
        view = np.load(path)
        assert view["known"].tolist() == [True, True, path.stem[0] == "a", True]
        outside = ~np.broadcast_to(view["mask"], view["volumes"].shape)
        assert not view["volumes"][outside].any()
        for number, given in enumerate(view["given"]):
            if not given:  # a synthesis, which the truth is not
                assert not np.array_equal(view["volumes"][number], view["truths"][number])


def test_a_case_that_is_made_anew_under_its_name_is_synthesised_anew(train, tmp_path, world, write_case):
    shutil.copytree(world / "cases", tmp_path / "cases")
    options = ("--data.cases", tmp_path / "cases", "--data.cache", tmp_path / "cache", "--optimisation.steps", 1)
    assert train(tmp_path / "run", *options)[0] == 0
    (found,) = (tmp_path / "cache").iterdir()
    before = {path.name for path in found.iterdir()}
    shutil.rmtree(tmp_path / "cases" / "b")
    write_case(tmp_path / "cases" / "b", ("us", "t2", "flair"), seed=2, size=SIZE)
    status, said = train(tmp_path / "run", *options)
    assert (status, "holds a run with other syntheses" in said) == (2, True)
    made = {path.name for path in found.iterdir()} - before
    assert sorted(name[0] + name[-6:] for name in made) == ["b-0.npz", "b-1.npz"]


def test_it_learns_to_correct(train, tmp_path):
    options = ("--optimisation.steps", 60, "--optimisation.learning_rate", 0.02, "--loss.norm", "l2")
    assert train(tmp_path / "run", *options)[0] == 0
    told = [json.loads(line) for line in (tmp_path / "run" / LOSSES).read_text().splitlines()]
    ratio = [np.mean([line["image"] / line["before"] for line in part]) for part in (told[:5], told[-10:])]
    assert ratio[1] < 0.8 * ratio[0]  # a correction is a tenth of the range at most


def test_the_run_becomes_a_part_of_its_own_bundle_and_of_no_other(train, tmp_path, world, monkeypatch, capsys):
    assert train(tmp_path / "run", "--optimisation.steps", 3, "--optimisation.learning_rate", 0.1)[0] == 0
    export = script("export").main

    def exported(bundle: Path, run: Path, to: str, *options: object) -> tuple[int, str]:
        arguments = ("--bundle", bundle, "--refinement", run, "--output", tmp_path / to, *options)
        return call(export, monkeypatch, capsys, *arguments)

    assert exported(world / "bundle", tmp_path / "run", "refined") == (0, "")
    made, plain = load_bundle(tmp_path / "refined"), load_bundle(world / "bundle")
    average = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)["average"]
    assert all(torch.equal(tensor, average[name]) for name, tensor in made.refinement.state_dict().items())
    assert all(torch.equal(t, made.network.state_dict()[name]) for name, t in plain.network.state_dict().items())
    assert made.manifest.training["refinement"]["steps_done"] == 3
    assert (made.card, dict(made.manifest.strength)) == (plain.card, {})
    other = save_bundle(Bundle(MMHVAE(TINY).eval(), plain.manifest, ""), tmp_path / "other")
    for arguments, words in [
        ((other, tmp_path / "run", "x"), "belongs to other weights"),
        ((world / "bundle", world / "cases", "x"), "checkpoint"),
        ((world / "bundle", tmp_path / "run", "x", "--monai", tmp_path / "m"), "leave out --monai"),
        ((world / "bundle", tmp_path / "run", "x", "--run", tmp_path / "run"), "Give --run, or"),
        ((world / "bundle", tmp_path / "run", "x", "--weights", "average-000003.pt"), "leave out --weights"),
        ((world / "bundle", tmp_path / "run", "x", "--intended-use", "any"), "leave out --intended-use"),
    ]:
        status, said = exported(*arguments)
        assert (status, said.count("\n")) == (2, 1)
        assert words in said
        assert not (tmp_path / "x").exists()
    for record in ("{", '{"commit": "", "config": {}}'):
        (tmp_path / "run" / "run.json").write_text(record)
        status, said = exported(world / "bundle", tmp_path / "run", "x")
        assert (status, said.count("\n"), "restore it" in said) == (2, 1, True)
    status, said = train(tmp_path / "again", "--data.bundle", tmp_path / "refined")
    assert (status, "has a refinement already" in said) == (2, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data.crop", "[7,8,8]"), "even sides"),
        (("--data.margin", 4), "leave something"),
        (("--data.cases", "nowhere"), "holds no case"),
        (("--architecture.dilations", "[]"), "dilations"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(train, tmp_path, options, words):
    status, said = train(tmp_path / "run", *options)
    assert (status, words in said) == (2, True)


def test_patches_reach_over_the_volume_and_only_what_counts_is_judged(train, tmp_path, world):
    train(tmp_path / "run", "--optimisation.steps", 1)
    views = sorted((world / "cache").rglob("b-*.npz"))
    batch = draw_patches(views, (24, 24, 24), 6, np.random.default_rng(0))
    judged = judged_voxels(batch, 3)
    assert judged.shape == batch.volumes.shape == (6, 4, 24, 24, 24)
    assert not judged[:, 2].any()  # its truth is unknown
    assert not judged[batch.given > 0].any()
    assert judged.any()
    border = torch.ones(24, 24, 24, dtype=torch.bool)
    border[3:-3, 3:-3, 3:-3] = False
    assert not judged[..., border].any()
    assert not judged[~(batch.mask > 0).expand_as(judged)].any()


def test_the_local_correlation_is_the_mean_over_cubes():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 1, 1, 11, 12, 10, generator=generator)
    judged = torch.rand(a.shape, generator=generator) > 0.4
    found = []
    for z, y, x in judged[0, 0].nonzero().tolist():
        cube = tuple(slice(max(0, c - RADIUS), c + RADIUS + 1) for c in (z, y, x))
        p, q = (v[0, 0][cube][judged[0, 0][cube]] for v in (a, b))
        spread = (p.var(correction=0) + 2.5e-4) * (q.var(correction=0) + 2.5e-4)
        found.append(((p * q).mean() - p.mean() * q.mean()) / spread.sqrt())
    assert float(local_correlation(a, b, judged)) == pytest.approx(float(torch.stack(found).mean()), abs=1e-4)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_the_norm_is_that_of_what_is_judged(norm):
    a, b = torch.rand(2, 2, 3, 4, 4, 4)
    judged = torch.rand(a.shape) > 0.5
    difference = (a - b)[judged]
    expected = difference.abs().mean() if norm == "l1" else difference.square().mean()
    found = refinement_losses(a, b, judged, RefinementLossConfig(norm))
    torch.testing.assert_close(found, {"image": expected})


def test_the_rate_falls_along_a_cosine_to_zero():
    config = CosineConfig(steps=100, learning_rate=1.0)
    assert [round(config.rate(step), 6) for step in (0, 50, 100)] == [1, 0.5, 0]

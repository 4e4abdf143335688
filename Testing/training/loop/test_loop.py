"""The loop learns, resumes exactly, stops where it must, and tells what it does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmhvae import InputError
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.network.model import MMHVAE
from mmhvae_training.loop.checkpoints import CHECKPOINT, load_checkpoint, save_checkpoint, start_from
from mmhvae_training.loop.logbook import LOSSES, Logbook
from mmhvae_training.loop.mmhvae_method import training_step
from mmhvae_training.loop.run_record import RUN
from mmhvae_training.loop.run_state import same_content
from mmhvae_training.loop.schedule import Schedule
from mmhvae_training.loop.trouble import NumericalTroubleError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

FOUR = ("us", "t2", "cet1", "flair")


def content(run) -> dict:
    return torch.load(run.configuration.run / CHECKPOINT, weights_only=True)


@pytest.fixture(scope="module")
def whole(tiny_run, case_folder, tmp_path_factory):
    """A run from its first step to its last, whose log holds what a killed run had left."""
    run = tiny_run(case_folder, tmp_path_factory.mktemp("whole") / "run")
    folder = run.configuration.run
    (folder / LOSSES).write_text('{"step": 0, "kept": 1}\n{"step": 9, "of": "a killed run"}\n{"step": 1')
    logbook = Logbook(folder, 0)
    run.train(logbook=logbook)
    logbook.close()
    return run


def records(run) -> list[dict]:
    return [json.loads(line) for line in (run.configuration.run / LOSSES).read_text().splitlines()]


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny, whole):
    half = tiny(run="half").train(epochs=5 / 3)  # discriminators at work, their moments and pools filled
    save_checkpoint(half.state, half.configuration, half.fabric)
    rest = tiny(run="rest")
    load_checkpoint(rest.state, half.configuration.run / CHECKPOINT, rest.fabric)
    assert rest.state.step == 5
    rest.train()
    first, second = content(whole), content(rest)
    assert first.keys() == second.keys()
    assert first["step"] == second["step"] == 12
    assert len(first["pools"]["us"]) == 8
    for part in first:
        assert same_content(first[part], second[part]), part


def test_the_general_loop_trains_mmhvae_as_its_own_loop_did(whole):
    """Losses that were recorded before there were other methods; equal to the last digit where they were recorded."""
    found = records(whole)[1:]
    before = json.loads((Path(__file__).parents[1] / "tiny_losses.json").read_text())
    assert len(found) == len(before) == 12
    for now, then in zip(found, before, strict=True):
        now.pop("minutes")
        # Rounding differs between processors; Adamax makes whole steps of it, so only the first losses are free of it.
        relative, absolute = (1e-4, 1e-5) if now["step"] == 1 else (0.3, 0.05)
        assert now == pytest.approx(then, rel=relative, abs=absolute)


def test_the_loop_learns_from_incomplete_cases(tiny):
    run = tiny("--adversarial.weight", "0", "--optimisation.epochs", "14")
    schedule = Schedule(run.configuration, 3)
    losses = []
    for step in range(30):
        losses.append(training_step(run.fabric, run.state, run.sampler, schedule.at(step), run.configuration)["image"])
        run.state.step += 1
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])


def test_ultrasound_alone_trains_no_other_encoder_but_every_discriminator_it_can(tiny, write_case, tmp_path):
    write_case(tmp_path / "us" / "a", ("us",))
    run = tiny("--data.unseen_modality", "train_the_rest", cases=tmp_path / "us")
    before = {name: value.clone() for name, value in run.state.network.state_dict().items()}
    run.train()
    moved = {name for name, value in run.state.network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[1] for name in moved if name.startswith(("encoders", "decoders"))} == {"us"}
    assert len(run.state.pools["us"]) == 8
    assert len(run.state.pools["t2"]) == 0


def test_the_releases_enumeration_makes_one_update_an_mr_subset(tiny, write_case, tmp_path):
    write_case(tmp_path / "cases" / "a", ("us", "t2", "flair"))
    run = tiny("--mixture.subsets", "release", "--data.unseen_modality", "train_the_rest", cases=tmp_path / "cases")
    training_step(run.fabric, run.state, run.sampler, Schedule(run.configuration, 3).at(0), run.configuration)
    updates = {int(s["step"]) for s in run.state.optimiser.optimizer.state_dict()["state"].values()}
    assert max(updates) == 3


def test_the_reset_forgets_the_moments_and_keeps_the_learning_rate(tiny):
    run = tiny("--optimisation.reset_at", "0.6666").train(epochs=2)  # at step 2
    ages = {int(s["step"]) for s in run.state.optimiser.optimizer.state_dict()["state"].values()}
    assert max(ages) == 4
    rate = run.state.optimiser.optimizer.param_groups[0]["lr"]
    assert rate == Schedule(run.configuration, 3).learning_rate(5)


@pytest.mark.parametrize("trouble", ["nan", "explosion"])
def test_numerical_trouble_stops_with_the_reason_and_the_last_good_checkpoint(tiny, trouble):
    run = tiny().train(epochs=1)
    save_checkpoint(run.state, run.configuration, run.fabric)
    good = content(run)
    if trouble == "nan":
        with torch.no_grad():
            run.state.network.coarsest.to_features.bias.fill_(float("nan"))
        reason = r"is nan"
    else:
        run.with_config("loss", kl_limit=1e-6)
        reason = r"the divergence exploded: kl is .* more than loss.kl_limit"
    with pytest.raises(
        NumericalTroubleError, match=rf"Stopped at step 3, because .*{reason}.*checkpoint.pt, of step 3\."
    ):
        run.train()
    assert same_content(content(run), good)


def test_the_log_names_modalities_levels_and_games_and_forgets_what_a_kill_cut_off(whole):
    folder, found = whole.configuration.run, records(whole)
    assert [record["step"] for record in found] == [*range(13)]
    names = {name for record in found for name in record}
    assert names >= {f"{kind}/{name}" for kind in ("image", "generator", "discriminator") for name in FOUR}
    assert names >= {"kl/z3", "kl/z2", "kl/z1", "kl", "image", "gradient", "learning_rate"}
    assert not any(name.startswith("generator") for record in found[:7] for name in record)

    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert len(events.Scalars("kl/z1")) == 12
    image = events.Images("subsets x targets")[-1]
    side = 16 + 2
    assert (image.height, image.width) == (16 * side, 5 * side + 2)  # 15 subsets and the truth
    assert {path.name for path in folder.glob("average-*.pt")} == {"average-000006.pt", "average-000012.pt"}


@pytest.mark.parametrize("line", ['{"step": 1, "imag', "[]", '{"loss": 1}', '{"step": "one"}', "\x00"])
def test_a_damaged_log_is_one_sentence_and_stays_as_it_is(tmp_path, line):
    path = tmp_path / LOSSES
    path.write_text(f'{{"step": 0}}\n{line}\n{{"step": 2}}\n')
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"remove that line, then go on\.$"):
        Logbook(tmp_path, 2)
    assert path.read_bytes() == before


def test_fine_tuning_begins_with_the_averaged_weights_of_a_run_and_nothing_else(tiny):
    first = tiny(run="first").train(epochs=1)
    folder = first.configuration.run
    save_checkpoint(first.state, first.configuration, first.fabric)
    told = {"commit": "of the first", "config": {}}
    (folder / RUN).write_text(json.dumps(told))
    state = tiny(run="second").state
    assert start_from(state, folder) == told
    average = content(first)["average"]
    for network in (state.network, state.average):
        assert same_content(dict(network.state_dict()), average)
    assert state.step == 0


def test_fine_tuning_begins_with_the_weights_of_a_bundle(tiny, tmp_path):
    run = tiny()
    first = MMHVAE(run.configuration.architecture)
    manifest = Manifest("first", first.config, 1.0, "none", "for tests", training={"steps_done": 7})
    bundle = save_bundle(Bundle(first, manifest, "card"), tmp_path / "first")
    assert start_from(run.state, bundle) == {"steps_done": 7}
    assert same_content(dict(run.state.network.state_dict()), dict(first.state_dict()))
    with pytest.raises(InputError, match="not the one to be trained"):
        start_from(tiny("--architecture.base_features", "8").state, bundle)


def test_mixed_precision_trains(tiny):
    run = tiny("--device.precision", "bf16-mixed").train(epochs=7 / 3)
    assert all(torch.isfinite(p).all() for p in run.state.network.parameters())
    assert next(run.state.network.parameters()).dtype == torch.float32

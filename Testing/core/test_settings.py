"""Every setting has one home: the same default, the same bounds and the same sentence at every door."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mmhvae
import pytest
from mmhvae import InputError
from mmhvae.answers import OverlayAnswer, PlacedLabel
from mmhvae.commands.settings_options import add_settings, settings_from
from mmhvae.fields import Settings, kind_of, kinds_of, rules_of
from mmhvae.registration.rigid import register_channels, register_lc2, register_rigid
from mmhvae.settings import (
    LiveSettings,
    OutlineSettings,
    PairSettings,
    PosePrior,
    ReconstructionSettings,
    RegistrationSettings,
    SegmentationSettings,
    SynthesisSettings,
)
from mmhvae.sweep.calibration import read_calibration
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import read_sweep
from mmhvae.synthesis.frame_synthesis import synthesize_frames
from mmhvae.synthesis.live_synthesis import LiveSynthesis
from mmhvae.tasks.parameters import Parameters

ALL = (
    SynthesisSettings,
    LiveSettings,
    ReconstructionSettings,
    PairSettings,
    RegistrationSettings,
    PosePrior,
    OutlineSettings,
    SegmentationSettings,
)
FRAMES = {"image": "image_frame", "probe": "probe_frame", "reference": "reference_frame"}


@pytest.mark.parametrize(
    ("function", "settings", "names"),
    [
        (mmhvae.synthesize, SynthesisSettings, {n: n for n in ("temperature", "samples", "seed")}),
        (synthesize_frames, SynthesisSettings, {n: n for n in ("temperature", "samples", "seed")}),
        (LiveSynthesis, LiveSettings, {n: n for n in ("target", "temperature", "seed")}),
        (reconstruct, ReconstructionSettings, {n: n for n in ("spacing", "clip", "compounding", "fill_holes")}),
        (read_sweep, ReconstructionSettings, FRAMES),
        (read_calibration, ReconstructionSettings, {n: FRAMES[n] for n in ("image", "probe")}),
        (register_channels, PairSettings, {n: n for n in ("prior", "preview", "method", "metric")}),
        (register_rigid, PairSettings, {n: n for n in ("prior", "preview")}),
        (register_lc2, PairSettings, {n: n for n in ("prior", "preview")}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_functions_have_the_settings_defaults(
    function: Callable[..., Any], settings: type[Settings], names: dict[str, str]
) -> None:
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in names} == {n: getattr(settings(), f) for n, f in names.items()}


def parser_of(settings: type[Settings]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmhvae", formatter_class=lambda prog: argparse.HelpFormatter(prog, width=300)
    )
    add_settings(parser, settings)
    return parser


def flat(settings: Settings) -> dict[str, Any]:
    """Every setting by name, those of settings within settings too."""
    found: dict[str, Any] = {}
    for name in rules_of(type(settings)):
        kind, may_be_none = kind_of(kinds_of(type(settings))[name])
        inner = isinstance(kind, type) and issubclass(kind, Settings) and not may_be_none
        found |= flat(getattr(settings, name)) if inner else {name: getattr(settings, name)}
    return found


@pytest.mark.parametrize("settings", ALL)
def test_a_bare_command_line_and_an_empty_request_give_the_defaults(settings: type[Settings]) -> None:
    assert settings_from(parser_of(settings).parse_args([]), settings) == settings()
    assert Parameters({}).settings(settings) == settings()
    assert settings.from_json(json.loads(json.dumps(settings().to_json()))) == settings()


@pytest.mark.parametrize("settings", ALL)
def test_help_tells_every_default(settings: type[Settings]) -> None:
    told = parser_of(settings).format_help()
    for name, default in flat(settings()).items():
        option = f"--{name.replace('_', '-')}"
        assert option in told
        if isinstance(default, PosePrior):
            assert "(default 10 5)" in told
        elif not isinstance(default, bool) and default not in (None, ""):
            assert f"(default {default}" in told[told.index(f"  {option}") :].split("  --")[1]


#: Settings, the setting, a value that it cannot have, and the same on the command line.
REFUSED = [
    (SynthesisSettings, "temperature", 2.5, ["2.5"]),
    (SynthesisSettings, "temperature", float("nan"), ["nan"]),
    (SynthesisSettings, "temperature", "warm", ["warm"]),
    (SynthesisSettings, "samples", 0, ["0"]),
    (SynthesisSettings, "samples", 51, ["51"]),
    (SynthesisSettings, "samples", 2.5, ["2.5"]),
    (SynthesisSettings, "seed", -1, ["-1"]),
    (SynthesisSettings, "slice_axis", "3", ["3"]),
    (LiveSettings, "temperature", -0.1, ["-0.1"]),
    (LiveSettings, "target", "", [""]),
    (ReconstructionSettings, "spacing", 0, ["0"]),
    (ReconstructionSettings, "compounding", "median", ["median"]),
    (ReconstructionSettings, "clip", (1, 2, 3, 4.5), ["1", "2", "3", "4.5"]),
    (PosePrior, "translation_mm", 0.05, ["0.05"]),
    (PosePrior, "rotation_deg", 91, ["91"]),
    (PairSettings, "metric", "nmi", ["nmi"]),
    (PairSettings, "method", "newton", ["newton"]),
    (RegistrationSettings, "method", "both", ["both"]),
    (OutlineSettings, "flips", 0, ["0"]),
    (SegmentationSettings, "flips", 9, ["9"]),
    (SegmentationSettings, "core_share", 1.5, ["1.5"]),
]


@pytest.mark.parametrize(("settings", "name", "value", "text"), REFUSED)
def test_bounds_refuse_at_every_door_with_the_same_sentence(
    settings: type[Settings], name: str, value: object, text: list[str]
) -> None:
    options = parser_of(settings).parse_args([f"--{name.replace('_', '-')}", *text] if text != [""] else ["--target="])
    doors: list[Callable[[], object]] = [
        lambda: settings(**{name: value}),
        lambda: settings.from_json({name: value}),
        lambda: Parameters({name: list(value) if isinstance(value, tuple) else value}).settings(settings),
        lambda: settings_from(options, settings),
    ]
    sentences = set()
    for door in doors:
        with pytest.raises(InputError) as refusal:
            door()
        sentences.add(str(refusal.value))
    assert len(sentences) == 1, sentences
    assert sentences.pop().endswith(".")


def test_what_is_given_reaches_the_settings() -> None:
    line = "--method direct --prior 3 2.5 --preview --samples 7 --slice-axis all --clip 1 2 30 40 --no-fill-holes"
    found = settings_from(parser_of(RegistrationSettings).parse_args(line.split()), RegistrationSettings)
    assert found == RegistrationSettings(
        "direct", PosePrior(3.0, 2.5), True, SynthesisSettings(samples=7, slice_axis="all"),
        ReconstructionSettings(clip=(1, 2, 30, 40), fill_holes=False),
    )  # fmt: skip
    assert RegistrationSettings.from_json(json.loads(json.dumps(found.to_json()))) == found
    none = settings_from(parser_of(PairSettings).parse_args(["--no-prior"]), PairSettings)
    assert none == PairSettings(prior=None) == PairSettings.from_json(none.to_json())


def test_a_slice_axis_is_parsed_once() -> None:
    assert [SynthesisSettings(slice_axis=axis).axes(1) for axis in (None, "", 0, "2", "all")] == [  # type: ignore[arg-type]
        (1,), (1,), (0,), (2,), (0, 1, 2),
    ]  # fmt: skip


def test_settings_come_whole_or_one_by_one() -> None:
    whole = SynthesisSettings(seed=3)
    assert SynthesisSettings.of(whole, samples=SynthesisSettings.samples) is whole
    assert SynthesisSettings.of(None, samples=2) == replace(SynthesisSettings(), samples=2)
    with pytest.raises(InputError, match="one by one or as a whole"):
        SynthesisSettings.of(whole, samples=2)


@pytest.mark.parametrize(
    ("values", "words"),
    [([], "not an object"), ({"smaples": 3}, "no setting smaples"), ({"seed": None}, "The seed is None; give a whole")],
)
def test_json_that_is_none_of_them_is_refused(values: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SynthesisSettings.from_json(values)


def test_answers_come_back_as_they_were() -> None:
    answer = OverlayAnswer({"0": "a.mha"}, {"0": (PlacedLabel(1, 2.0, 3.0, 0.5, 1, True),), "1": ()})
    assert OverlayAnswer.from_json(json.loads(json.dumps(answer.to_json()))) == answer
    with pytest.raises(InputError, match="labels is missing"):
        OverlayAnswer.from_json({"images": {}})

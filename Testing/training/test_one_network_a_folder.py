"""Scripts that go on where they were stopped: a folder is of one network and its cases, not of others of a name."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from mmhvae_training.script import status_of

import pytest
import torch
from mmhvae import load_bundle
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.network import MMHVAE, MMHVAEConfig, Refinement, RefinementConfig
from mmhvae.settings import NAVIGATION, RegistrationSettings
from mmhvae_training.judging import ERRORS_SHAPE, TARGETS
from mmhvae_training.records import lines_of, write_line
from mmhvae_training.trust.trials import trials_of

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)
QUALITY = dict.fromkeys(("psnr", "constant_psnr", "ssim", "correlation"), 1.0)
ERRORS = {"before": 9.0, "after": 1.0}
JUDGED = {"prior": None, "error_mm": 1.0, "refused": "", "evidence": {"overlap": 1.0}, "witnesses": []}
Script = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, Path]:
    """Two bundles of one name with other weights."""
    found = {}
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        bundle = Bundle(MMHVAE(TINY).eval(), Manifest("tiny", TINY, 1.0, "none", "tests"), "card")
        found[name] = save_bundle(bundle, tmp_path_factory.mktemp(name) / "tiny")
    return found


@pytest.fixture(scope="module")
def refined(bundles, tmp_path_factory) -> Callable[..., Path]:
    """``refined("first", features)``: that bundle with a refinement."""
    folder = tmp_path_factory.mktemp("refined")

    def made(name: str, features: int = 4, **changes: object) -> Path:
        plain, config = load_bundle(bundles[name]), RefinementConfig(features, (1,))
        manifest = replace(plain.manifest, refinement=config, **changes)
        bundle = replace(plain, manifest=manifest, refinement=Refinement(len(TINY.modalities), config).eval())
        return save_bundle(bundle, folder / f"{len(list(folder.iterdir()))}")

    return made


@pytest.fixture
def cases(tmp_path) -> Path:
    """Two that are named, and hold nothing."""
    for number in range(2):
        (tmp_path / "cases" / f"case-{number}").mkdir(parents=True)
        (tmp_path / "cases" / f"case-{number}" / "parameters.json").write_text("{}")
    return tmp_path / "cases"


@pytest.fixture
def call(monkeypatch, capsys, tmp_path) -> Script:
    """``call("script", "--option", ...)``: it in this process, into one folder -> status and complaint."""

    def run(script: str, *options: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, options), "--output", str(tmp_path / "made")])
        return status_of(importlib.import_module(script).main), capsys.readouterr().err

    return run


@pytest.fixture
def measure(call, cases, monkeypatch) -> Script:
    def measured(*_: object) -> dict:
        return {"quality": dict.fromkeys(TARGETS, QUALITY), "seconds": 1.0}

    monkeypatch.setattr(importlib.import_module("measure_refinement"), "measured", measured)
    return lambda bundle, *more: call("measure_refinement", "--cases", cases, "--bundle", bundle, *more)


@pytest.fixture
def simulate(call, cases, monkeypatch) -> Script:
    script, found = importlib.import_module("evaluate_simulated"), {"tre": dict.fromkeys(ERRORS_SHAPE, ERRORS)}
    monkeypatch.setattr(script, "load_evaluation_case", lambda folder: folder)
    monkeypatch.setattr(script, "methods", lambda *_: {"direct": lambda _: found})
    return lambda _: call("evaluate_simulated", "--cases", cases)


@pytest.fixture
def judge(call, monkeypatch, tmp_path) -> Script:
    script = importlib.import_module("judge_patient")
    patient = SimpleNamespace(pairs=[SimpleNamespace(us=None, modality="t2")])
    for name in ("find_pairs", "synthesize"):
        monkeypatch.setattr(script, name, lambda *_, **__: [])
    for name, does in {
        "read_patient": lambda *_: patient,
        "planned": lambda _: [(RegistrationSettings("direct", NAVIGATION), 0, None)],
        "outcome": lambda *_: JUDGED | {"route": "direct", "start_mm": 9.0, "reason": ""},
        "write_words": lambda *_: None,
    }.items():
        monkeypatch.setattr(script.real, name, does)
    given = ("--real", tmp_path, "--patient", "Case2")
    return lambda bundle, *more: call("judge_patient", *given, *(() if bundle is None else ("--bundle", bundle)), *more)


@pytest.fixture
def calibrate(call, cases, monkeypatch, tmp_path) -> Script:
    script, reported = importlib.import_module("calibrate_trust"), []
    trial = {"group": "calibration", **trials_of(["case-0", "case-1"], 0, True, False)[0].to_json(), **JUDGED}
    for name, does in {
        "run_processes": lambda *_: write_line(lines_of(tmp_path / "made", "trials", 0), trial),
        "write_report": lambda rows, *_: reported.append(len(rows)),
        "read_report": lambda _: [None],
        "draw": lambda *_: None,
    }.items():
        monkeypatch.setattr(script, name, does)
    shutil.copytree(cases / "case-1", tmp_path / "report" / "case-2")
    shutil.copytree(cases / "case-1", tmp_path / "report" / "case-3")
    given = ("--calibration", cases, "--report", tmp_path / "report", "--keep")

    def run(bundle: Path, *more: object) -> tuple[int, str]:
        ended = call("calibrate_trust", *given, "--bundle", bundle, *more)
        return (*ended, reported.pop()) if ended[0] == 0 else ended

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["measure", "judge", "calibrate"])
def test_other_weights_of_the_same_name_are_refused(name, bundles, request, tmp_path):
    script = request.getfixturevalue(name)
    for _ in range(2):
        assert script(bundles["first"])[:2] == (0, "")
    before = files(tmp_path / "made")
    status, said = script(bundles["second"])
    assert (status, said.count("\n")) == (2, 1)
    assert said.endswith("made was begun with other bundle; choose another folder for --output.\n")
    assert files(tmp_path / "made") == before


def test_a_refined_bundle_may_come_later_and_no_other_after_it(bundles, refined, measure, tmp_path):
    one, other = refined("first"), refined("first", 5)
    assert measure(bundles["first"]) == (0, "")
    for given in ((), ("--refined", one), (), ("--refined", one)):
        assert measure(bundles["first"], *given) == (0, "")
    before = files(tmp_path / "made")
    assert before["refinement.jsonl"].count(b"\n") == 8
    status, said = measure(bundles["first"], "--refined", other)
    assert (status, "was begun with other refined; choose another folder" in said) == (2, True)
    assert files(tmp_path / "made") == before
    (tmp_path / "made" / "refined-settings.json").unlink()
    status, said = measure(bundles["first"], "--refined", one)
    assert (status, "no refined-settings.json says what made them" in said) == (2, True)


def test_what_was_refined_from_another_network_is_not_measured_beside_it(bundles, refined, measure, tmp_path):
    for plain, given, words in [
        (bundles["first"], refined("second"), "holds another network than"),
        (bundles["first"], refined("first", spacing_mm=2.0), "holds another network than"),
        (bundles["first"], bundles["first"], "has no refinement"),
        (refined("first"), refined("first"), "has a refinement; give --bundle the one"),
    ]:
        status, said = measure(plain, "--refined", given)
        assert (status, said.count("\n"), words in said) == (2, 1, True)
        assert not (tmp_path / "made").exists()


def test_older_trials_take_no_others_and_are_still_read(bundles, calibrate, tmp_path):
    calibrate(bundles["first"])
    (tmp_path / "made" / "settings.json").unlink()
    (tmp_path / "made" / "cases.json").unlink()
    before = files(tmp_path / "made")
    status, said = calibrate(bundles["first"])
    assert (status, said.count("\n"), "holds results, and no settings.json says what made them" in said) == (2, 1, True)
    assert calibrate(bundles["first"], "--tables") == (0, "", 1)
    assert files(tmp_path / "made") == before


@pytest.mark.parametrize("name", ["measure", "calibrate", "simulate"])
def test_another_case_of_the_same_name_is_refused(name, bundles, request, tmp_path):
    script = request.getfixturevalue(name)
    for _ in range(2):
        script(bundles["first"])
    before = files(tmp_path / "made")
    (tmp_path / "cases" / "case-0" / "us.nii.gz").write_bytes(b"simulated anew")
    for more in [(), ("--tables",)] if name == "calibrate" else [()]:
        status, said = script(bundles["first"], *more)
        assert (status, said.count("\n")) == (2, 1)
        assert said.endswith("made holds results of another case-0; choose another folder for --output.\n")
    assert files(tmp_path / "made") == before


@pytest.mark.parametrize("name", ["bench.py", "head/t2.nii.gz"])
def test_trials_are_of_one_benchmark_and_one_head(name, bundles, calibrate, tmp_path):
    (tmp_path / "head").mkdir()
    for each in ("bench.py", "head/t2.nii.gz"):
        (tmp_path / each).write_bytes(b"1")
    given = ("--benchmark", tmp_path / "bench.py", "--head", tmp_path / "head")
    for _ in range(2):
        assert calibrate(bundles["first"], *given)[:2] == (0, "")
    (tmp_path / "head" / "notes.txt").write_bytes(b"no trial takes it")
    assert calibrate(bundles["first"], *given)[:2] == (0, "")
    before = files(tmp_path / "made")
    (tmp_path / name).write_bytes(b"2")
    status, said = calibrate(bundles["first"], *given)
    assert (status, said.count("\n")) == (2, 1)
    assert f"was begun with other {'benchmark' if name == 'bench.py' else 'head'}; choose" in said
    assert files(tmp_path / "made") == before
    assert calibrate(bundles["first"], "--tables")[:2] == (0, "")


def test_calibration_and_report_have_no_case_of_one_name(bundles, calibrate, tmp_path):
    shutil.copytree(tmp_path / "cases" / "case-0", tmp_path / "report" / "case-0")
    status, said = calibrate(bundles["first"])
    assert (status, "both have a case-0; simulate one of them with other seeds" in said) == (2, True)


def test_a_patient_whose_files_changed_is_registered_into_another_folder(bundles, judge, tmp_path):
    judge(bundles["first"])
    (tmp_path / "landmarks").mkdir()
    (tmp_path / "landmarks" / "Case2-MRI-beforeUS.tag").write_text("placed anew")
    status, said = judge(bundles["first"])
    assert (status, said.count("\n"), "was begun with other files; choose" in said) == (2, 1, True)
    assert judge(None, "--tables") == (0, "")


def test_tables_of_trials_do_not_name_another_network(bundles, calibrate):
    calibrate(bundles["first"])
    assert calibrate(bundles["first"], "--tables") == (0, "", 1)
    status, said = calibrate(bundles["second"], "--tables")
    assert (status, "was begun with other bundle" in said) == (2, True)


def test_older_registrations_of_a_patient_take_no_others_and_are_still_read(bundles, judge, tmp_path):
    judge(bundles["first"])
    (tmp_path / "made" / "case2-settings.json").unlink()
    status, said = judge(bundles["first"])
    assert (status, "no case2-settings.json says what made them" in said) == (2, True)
    assert judge(None, "--tables") == (0, "")

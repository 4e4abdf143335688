"""Table 3 through the simulator: methods, statistics and tests; syntheses kept on disk."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from mmhvae_training.script import status_of

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.bundle import load_bundle, save_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.registration.landmarks import target_registration_error
from mmhvae.settings import NAVIGATION, PosePrior
from mmhvae_training.baselines.method import Synthesiser
from mmhvae_training.judging import registration_table as tables, syntheses
from mmhvae_training.judging.evaluation import RANGES_MM, TARGETS, EvaluationCase, draw_displacement
from mmhvae_training.judging.syntheses import Synthesis, SynthesisedCase
from mmhvae_training.records.lines import write_line
from mmhvae_training.records.processes import lines_of, read_all_lines, run_processes
from mmhvae_training.scoring import RunVolumes

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Training"))
import evaluate_registration


def rows(cases: int, errors: dict[str, float]) -> list[dict]:
    """A row a case and method; the error grows by 0.1 mm a case."""
    return [
        {
            "case": f"case-{n:05d}",
            "method": method,
            "tre": {r: {"before": 9.0, "after": error + 0.1 * n, "displacement": 8.0} for r in tables.RANGES},
        }
        for n in range(cases)
        for method, error in errors.items()
    ]


def test_only_cases_of_all_methods_count() -> None:
    done = rows(6, {"direct t2": 3.0, "through t2": 1.0})
    found = tables.summary([*done, {**done[0], "case": "case-00099"}])
    assert len(found["cases"]) == 6
    entry = found["table"]["through t2"]["0-4"]
    assert entry["mean"] == pytest.approx(1.25)
    assert entry["median"] == pytest.approx(1.25)
    assert entry["sd"] == pytest.approx(np.std(np.arange(6) * 0.1, ddof=1), abs=1e-3)
    assert entry["success"] == 1
    assert found["table"]["direct t2"]["8-12"]["success"] == 0
    assert found["table"]["before"]["12-16"]["median"] == 9


def test_differences_are_tested_in_pairs() -> None:
    found = tables.summary(rows(6, {"direct t2": 3.0, "through t2": 1.0, tables.TOGETHER: 1.0}))
    assert found["wilcoxon"]["through t2 - direct t2"]["4-8"] == {"median_difference": -2.0, "p": 0.031}  # 2 / 2^6
    assert found["wilcoxon"][f"{tables.TOGETHER} - through t2"]["4-8"]["p"] == 1
    assert set(found["wilcoxon"]) == {"through t2 - direct t2", f"{tables.TOGETHER} - through t2"}


def test_tables_are_written_from_the_lines(tmp_path: Path) -> None:
    prior = {"translation_mm": 7.0, "rotation_deg": 3.0}
    others = [{**row, "prior": None} for row in rows(2, {"direct t2": 9.0, "through t2": 9.0})]
    for row in [*others, *({**row, "prior": prior} for row in rows(3, {"direct t2": 3.0, "through t2": 1.0}))]:
        write_line(lines_of(tmp_path, evaluate_registration.LINES, int(row["case"][-1])), row)
    names = {f"case-{n:05d}" for n in range(2)}
    provenance = {"commit": "abc", "network": "Bundle 123", "syntheses": "x", "prior": prior}
    text = evaluate_registration.write_tables(tmp_path, names, {"direct t2", "through t2"}, provenance)
    assert "| iUS itself | 3.0 (0.1) / 3.05; 0 % |" in text
    assert "seeds 0 to 1" in text
    assert "7 mm and 3 degrees" in text
    assert "the panel" not in text
    assert json.loads((tmp_path / evaluate_registration.TABLE).read_text())["provenance"]["commit"] == "abc"
    with (tmp_path / evaluate_registration.SINGLE).open() as file:
        assert len(list(csv.DictReader(file))) == 2 * 2 * 4
    usual = evaluate_registration.write_tables(tmp_path, names, set(), provenance | {"prior": asdict(NAVIGATION)})
    assert "what the panel does" in usual
    assert "No prior" in evaluate_registration.write_tables(tmp_path, names, set(), provenance | {"prior": None})


@pytest.mark.parametrize("fails", [False, True])
def test_parts_run_beside_each_other_and_failures_are_told(tmp_path, monkeypatch, fails: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "part = sys.argv[sys.argv.index('--part') + 1]\n"
        "line = '{\"threads\": ' + os.environ['OMP_NUM_THREADS'] + '}\\n'\n"
        "pathlib.Path(sys.argv[1], f'lines-{part}.jsonl').write_text(line)\n"
        f"sys.exit({int(fails)} * int(part))\n"
    )
    monkeypatch.setattr(sys, "argv", [str(script)])
    if fails:
        with pytest.raises(InputError, match="what is done is kept"):
            run_processes([str(tmp_path)], 2)
    else:
        run_processes([str(tmp_path)], 2)
    assert read_all_lines(tmp_path, "lines", {"threads": int}) == [{"threads": 1}] * 2


def picture(seed: int, size: int, origin: float) -> sitk.Image:
    white = sitk.GetImageFromArray(np.random.default_rng(seed).standard_normal((size,) * 3).astype(np.float32))
    image = sitk.SmoothingRecursiveGaussian(white, 3.0) * 20.0 + 5.0
    image.SetOrigin((origin,) * 3)
    return image


@pytest.fixture(scope="module")
def case() -> SynthesisedCase:
    """Perfect syntheses: the pre-operative MRs themselves; their T2 is what the ultrasound shows, inverted."""
    preop = {name: picture(seed, 88, -44.0) for seed, name in enumerate(TARGETS)}
    grid = sitk.Image([40] * 3, sitk.sitkFloat32)
    grid.SetOrigin([-20.0] * 3)
    images = {name: sitk.Resample(image, grid) for name, image in preop.items()}
    mask = image_on(np.ones((40,) * 3, np.uint8), grid)
    us = 200.0 - images["t2"]
    landmarks = np.random.default_rng(0).uniform(-15, 15, (5, 3))
    simulated = EvaluationCase("case-1", us, images, mask, preop, sitk.Transform(3, sitk.sitkIdentity), landmarks, 3)
    return SynthesisedCase(simulated, Synthesis(images, {}, mask))


def test_methods_register_what_they_say(case: SynthesisedCase) -> None:
    """Each finds one displacement from what it may look at; another contrast than the ultrasound's finds nothing."""
    todo = tables.methods(lc2=True, device="cpu", prior=None)
    assert len(todo) == 10
    motion = draw_displacement(case.simulated.landmarks, 5.0, 5.1, 1)
    moved = np.array([motion.TransformPoint(point) for point in case.simulated.landmarks.tolist()])

    def error(name: str) -> float:
        return float(target_registration_error(todo[name](case, motion), case.simulated.landmarks, moved).max())

    assert max(error(name) for name in ("direct t2", "through flair", tables.TOGETHER)) < 0.4
    assert error("direct cet1") > 1


def test_a_prior_holds_every_method_near_its_start(case: SynthesisedCase) -> None:
    """One so narrow that nothing may move; the panel's wide one lets images decide."""
    motion = draw_displacement(case.simulated.landmarks, 5.0, 5.1, 1)
    narrow = tables.methods(lc2=True, device="cpu", prior=PosePrior(0.1, 0.1))
    for name in ("direct t2", "LC2 t2", tables.TOGETHER):
        found = np.array(
            [narrow[name](case, motion).TransformPoint(point) for point in case.simulated.landmarks.tolist()]
        )
        assert np.abs(found - case.simulated.landmarks).max() < 0.1, name
    moved = np.array([motion.TransformPoint(point) for point in case.simulated.landmarks.tolist()])
    result = tables.methods(lc2=False, device="cpu", prior=NAVIGATION)[tables.TOGETHER](case, motion)
    assert target_registration_error(result, case.simulated.landmarks, moved).max() < 0.4


@pytest.mark.parametrize(("given", "prior"), [([], None), ([10.0, 5.0], NAVIGATION)])
def test_the_command_lines_prior(given: list[float], prior: PosePrior | None) -> None:
    assert evaluate_registration.prior_of(given) == prior
    with pytest.raises(InputError, match="two numbers"):
        evaluate_registration.prior_of([*given, 1.0])


def test_every_range_is_rated_from_its_own_displacement(case: SynthesisedCase) -> None:
    found = tables.evaluate(case, lambda _, motion: motion)
    for (low, high), row in zip(RANGES_MM, found.values(), strict=True):
        assert row["after"] == pytest.approx(0, abs=1e-9)
        assert low <= row["displacement"] <= high


def test_syntheses_are_made_once(case: SynthesisedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Made:
        images, uncertainty, field_of_view = case.synthesis.images, case.synthesis.images, case.synthesis.field_of_view

    class Bundle:
        class manifest:  # noqa: N801
            weights_sha256 = "0123456789abcdef"

    def synthesize(*arguments: object, **options: object) -> Made:
        calls.append(options["samples"])
        return Made()

    monkeypatch.setattr(syntheses, "synthesize", synthesize)
    synthesise = syntheses.Synthesiser(Bundle(), tmp_path, samples=2)  # type: ignore[arg-type]
    first, second = (synthesise("case-1", case.simulated.us) for _ in range(2))
    assert calls == [2]
    for name in TARGETS:
        for images in (first.images, second.images, first.uncertainty):
            np.testing.assert_array_equal(
                sitk.GetArrayViewFromImage(images[name]), sitk.GetArrayViewFromImage(case.synthesis.images[name])
            )
    assert [path.name for path in tmp_path.iterdir()] == ["01234567-axis-default-samples-2"]
    assert not list(tmp_path.glob("*/.*"))
    synthesise("case-1", case.simulated.us + 1)  # simulated anew
    assert calls == [2, 2]
    assert len(list(tmp_path.glob("*/case-1-*"))) == 2


def test_what_is_kept_is_known_by_the_ultrasounds_voxels_and_grid(oblique) -> None:
    us = image_on(np.zeros((3, 4, 5), np.float32), oblique(0, (5, 4, 3)))
    voxel, place, axes, kind = (sitk.Image(us) for _ in range(4))
    voxel[4, 3, 2] = 1e-6
    place.SetOrigin((0.0, 0.0, 1e-3))
    axes.SetDirection(np.eye(3).ravel().tolist())
    kind = sitk.Cast(kind, sitk.sitkInt32)
    names = [syntheses.kept_name("case-1", image) for image in (us, voxel, place, axes, kind)]
    assert len(set(names)) == len(names)
    assert syntheses.kept_name("case-1", sitk.Image(us)) == names[0]


def test_a_folder_belongs_to_one_network(tmp_path, monkeypatch, capsys) -> None:
    """As lines say nothing of what made their syntheses, no other bundle's may go among them, nor another case's."""
    case = tmp_path / "cases" / "case-00001"
    case.mkdir(parents=True)
    (case / "parameters.json").write_text("{}")
    monkeypatch.setattr(evaluate_registration, "run_processes", lambda *_: None)
    given = ["--cases", tmp_path / "cases", "--output", tmp_path / "made"]
    monkeypatch.setattr(sys, "argv", ["evaluate_registration.py", *map(str, given)])
    assert status_of(evaluate_registration.main) == 0
    assert status_of(evaluate_registration.main) == 0  # goes on
    bundle = load_bundle(starter_bundle())
    save_bundle(replace(bundle, manifest=replace(bundle.manifest, name="other")), tmp_path / "other")
    network = next(bundle.network.parameters())
    with torch.no_grad():
        network += 1
    save_bundle(bundle, tmp_path / "trained")
    for name, status in (("other", 0), ("trained", 2)):  # a name is not a network
        monkeypatch.setattr(
            sys, "argv", ["evaluate_registration.py", *map(str, given), "--bundle", str(tmp_path / name)]
        )
        assert status_of(evaluate_registration.main) == status, name
    assert "with other network" in capsys.readouterr().err
    write_line(lines_of(tmp_path / "made", "lines", 0), rows(2, {"direct t2": 3.0})[1])
    (case / "parameters.json").write_text('{"seed": 1}')
    monkeypatch.setattr(sys, "argv", ["evaluate_registration.py", *map(str, given)])
    assert status_of(evaluate_registration.main) == 2
    assert "made holds results of another case-00001; choose another folder" in capsys.readouterr().err


class Copying(Synthesiser):
    """Makes MRs that look like the ultrasound, and counts how often it is asked."""

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1)
        self.asked = 0

    def _images(self, inputs, targets, mask, noise):
        self.asked += 1
        return dict.fromkeys(targets, inputs["us"])


def test_a_runs_images_are_kept_on_the_ultrasounds_grid(oblique, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((20, 30, 60)).astype(np.float32)
    us = sitk.SmoothingRecursiveGaussian(image_on(noise, oblique(7, (60, 30, 20))), 3.0) * 100.0 + 100.0
    copying = Copying()
    synthesise = syntheses.RunSynthesiser(RunVolumes(copying, ("us", *TARGETS), 32, 1.0, {}), tmp_path)
    first = synthesise("case-1", us)
    asked = copying.asked
    second = synthesise("case-1", us)
    assert copying.asked == asked > 0
    assert same_grid(first.images["t2"], us)
    assert same_grid(first.field_of_view, us)
    seen = sitk.GetArrayViewFromImage(first.field_of_view) > 0
    assert 0.1 < seen.mean() < 1  # the network's square is narrower than the sweep
    t2 = sitk.GetArrayViewFromImage(first.images["t2"])
    assert np.corrcoef(t2[seen], sitk.GetArrayViewFromImage(us)[seen])[0, 1] > 0.9
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(second.images["t2"]), t2)

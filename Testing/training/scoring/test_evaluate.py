"""Table 1 from networks and NIfTI predictions, the paired comparison, and the figures."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import evaluate
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae_training.scoring.comparison import compare, comparison_report
from mmhvae_training.scoring.constant_source import ConstantSource
from mmhvae_training.scoring.judged_case import read_judged_case, thinned
from mmhvae_training.scoring.latent_pca import principal_components
from mmhvae_training.scoring.network_source import NetworkSource
from mmhvae_training.scoring.scores import SliceScore, read_scores, write_scores
from mmhvae_training.scoring.table import case_means, summary, table
from scipy.stats import wilcoxon

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)
ALL = TINY.modalities


#: An egg of tissue, unlike itself in every mirror.
EGG = {"size": (10, 26, 30), "white": (1, 1, 0.5, 0.2)}


@pytest.fixture(scope="module")
def world(tmp_path_factory, write_case):
    """Two cases, one of them incomplete, and the bundle of a network with random weights."""
    folder = tmp_path_factory.mktemp("world")
    write_case(folder / "cases" / "a", **EGG)
    write_case(folder / "cases" / "b", ("us", "t2"), seed=1, **EGG)
    torch.manual_seed(0)
    network = MMHVAE(TINY).eval()
    manifest = Manifest("tiny", TINY, 1.0, "none", "tests")
    save_bundle(Bundle(network, manifest, "card"), folder / "bundle")
    return folder, network


def run(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
    evaluate.main()


def test_every_subset_and_target_of_every_case_is_scored_and_kept(world, tmp_path, monkeypatch, capsys):
    folder, _ = world
    arguments = ("table", "--cases", folder / "cases", "--bundle", folder / "bundle", "--output", tmp_path / "e")
    run(monkeypatch, *arguments)
    rows = read_scores(tmp_path / "e")
    cells = {case: {(row.inputs, row.target) for row in rows if row.case == case} for case in "ab"}
    assert (len(cells["a"]), len(cells["b"])) == (15 * 4, 3 * 2)
    assert len({row.slice for row in rows if row.case == "a"}) == 8
    text = (tmp_path / "e" / "table.md").read_text()
    assert text.count("| ● |") + text.count("| ○ |") > 0
    assert len(re.findall(r"^\| [●○] \|", text, re.MULTILINE)) == 2 * 15
    assert "LPIPS: not computed" in text
    assert "Variant: **standard**" in text
    assert "Variant: **paper-compatible**" in text
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "e" / "slices").iterdir()}
    run(monkeypatch, *arguments)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "e" / "slices").iterdir()} == before
    with pytest.raises(InputError, match="was begun with other temperature; choose another folder"):
        run(monkeypatch, *arguments, "--temperature", 0)
    shutil.copytree(folder / "cases", tmp_path / "cases")
    shutil.copytree(tmp_path / "cases" / "a", tmp_path / "cases" / "b", dirs_exist_ok=True)
    with pytest.raises(InputError, match="e holds results of another b; choose another folder"):
        run(monkeypatch, *arguments, "--cases", tmp_path / "cases")
    for damaged in ("a,b\n", "a" * 200_000):  # a field that long is none
        (tmp_path / "e" / "slices" / "a.csv").write_text(f"case,inputs\n{damaged}")
        with pytest.raises(InputError, match="is not a table of scores"):
            read_scores(tmp_path / "e")
    with pytest.raises(InputError, match=r"holds no slices/CASE\.csv"):
        read_scores(tmp_path)
    capsys.readouterr()


def test_a_source_gives_what_the_network_gives(world):
    folder, network = world
    case = read_judged_case(folder / "cases" / "a", ALL, 1.0, 32)
    source = NetworkSource(network, 1.0, {}, temperature=0.0, batch_size=4)
    found: dict = {}
    for prediction in source.predictions(case):
        found.setdefault(prediction.subset, []).append(prediction.images["flair"])
    for subset in (("us",), ("t2", "cet1"), ALL):
        with torch.inference_mode():
            mask = torch.from_numpy(case.mask)[:, None]
            output = network({name: case.inputs[name] for name in subset}, temperature=0.0, mask=mask)
        expected = (output.images["flair"][:, 0].numpy() + 1) / 2
        np.testing.assert_allclose(np.concatenate(found[subset]), expected, atol=1e-5)


def write_predictions(folder: Path, out: Path, change=lambda array: array) -> None:
    """The truth of case a as another program's result: harmonised by hand, on the case's grid."""
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "a" / "labels.nii.gz")))
    for inputs in ("us", "us+t2"):
        (out / "a" / inputs).mkdir(parents=True, exist_ok=True)
        image = sitk.ReadImage(str(folder / "a" / "t2.nii.gz"))
        values = sitk.GetArrayFromImage(image)
        unit = np.clip(values / np.median(values[labels == 3]) / 7, 0, 1).astype(np.float32)
        result = sitk.GetImageFromArray(change(unit))
        result.CopyInformation(image)
        sitk.WriteImage(result, str(out / "a" / inputs / "t2.nii.gz"))


def test_a_thinned_case_keeps_wide_slices_and_what_belongs_to_them(world):
    case = read_judged_case(world[0] / "cases" / "a", ALL, 1.0, 32)
    few = thinned(case, 3)
    places = [list(case.numbers).index(number) for number in few.numbers]
    assert len(places) == 3
    area = case.mask.sum((1, 2))
    assert min(area[places]) >= area.max() / 2
    assert np.array_equal(few.mask, case.mask[places])
    for name in ALL:
        assert np.array_equal(few.truths[name], case.truths[name][places])
        assert few.inputs[name].equal(case.inputs[name][places])


def test_no_constant_beats_the_best_one(world):
    """Its squared error is the truth's variance in the field of view, whatever the inputs."""
    case = read_judged_case(world[0] / "cases" / "a", ALL, 1.0, 32)
    found = list(ConstantSource(1.0, 32).predictions(case))
    assert len(found) == 15
    for name, image in found[0].images.items():
        truth = case.truths[name][case.mask]
        assert np.mean((image[case.mask] - truth) ** 2) == pytest.approx(truth.var(), rel=1e-4)
        assert not image[~case.mask].any()
        assert all(np.array_equal(image, other.images[name]) for other in found[1:])


def test_another_programs_images_are_scored_where_they_lie(world, tmp_path, monkeypatch, capsys):
    cases = world[0] / "cases"
    write_predictions(cases, tmp_path / "same")
    write_predictions(cases, tmp_path / "mirrored", lambda array: np.ascontiguousarray(array[:, :, ::-1]))
    pytest.importorskip("stlpips_pytorch", reason="needs the extra 'perceptual'")
    options = ("--cases", cases, "--count", 1, "--spacing", 1, "--side", 32, "--perceptual")
    for name in ("same", "mirrored"):
        run(monkeypatch, "table", *options, "--predictions", tmp_path / name, "--output", tmp_path / f"e-{name}")
    same, mirrored = (read_scores(tmp_path / f"e-{name}") for name in ("same", "mirrored"))
    assert {(row.inputs, row.target) for row in same} == {("us", "t2"), ("us+t2", "t2")}
    assert min(row.psnr_standard for row in same) > 70  # what half precision leaves
    assert min(row.ssim_standard for row in same) > 0.9999
    assert np.median([row.psnr_standard for row in mirrored]) < 50
    distances = [np.mean([row.st_lpips for row in rows]) for rows in (same, mirrored)]
    assert 0 <= distances[0] < 0.01 * distances[1]
    assert "T2 ST-LPIPS (%)" in (tmp_path / "e-same" / "table.md").read_text()
    shutil.rmtree(tmp_path / "same")
    shutil.copytree(tmp_path / "mirrored", tmp_path / "same")
    with pytest.raises(InputError, match="e-same holds results of another a; choose another folder"):
        run(monkeypatch, "table", *options, "--predictions", tmp_path / "same", "--output", tmp_path / "e-same")
    capsys.readouterr()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda array: array * 30, "holds values outside"),
        (lambda array: np.where(array > 0, np.nan, 0).astype(np.float32), "NaN or infinite"),
        (lambda array: array[:-1], "has another grid than the prepared case"),
        (None, "holds no INPUTS/TARGET"),
    ],
)
def test_predictions_that_cannot_be_used_say_why(world, tmp_path, monkeypatch, change, sentence):
    cases = world[0] / "cases"
    if change is None:
        (tmp_path / "p" / "a").mkdir(parents=True)
    elif sentence.startswith("has another"):
        write_predictions(cases, tmp_path / "p")
        path = tmp_path / "p" / "a" / "us" / "t2.nii.gz"
        sitk.WriteImage(sitk.ReadImage(str(path))[:-1], str(path))
    else:
        write_predictions(cases, tmp_path / "p", change)
    options = ("--cases", cases, "--spacing", 1, "--side", 32, "--output", tmp_path / "e")
    with pytest.raises(InputError, match=sentence):
        run(monkeypatch, "table", *options, "--predictions", tmp_path / "p")
    assert not list((tmp_path / "e" / "slices").glob("*"))


@pytest.mark.parametrize(
    "source",
    [
        ["table", "--bundle", "bundle"],
        ["table", "--predictions", "p"],
        ["table", "--constant"],
        ["figures", "--bundle", "bundle"],
    ],
)
def test_weights_are_chosen_of_a_run_alone(world, tmp_path, monkeypatch, source):
    monkeypatch.chdir(world[0])
    given = ("--cases", "cases", "--weights", "average-000006.pt", "--output", tmp_path / "e")
    with pytest.raises(InputError, match=r"give its --run, or leave out --weights\.$"):
        run(monkeypatch, *source, *given)
    assert not (tmp_path / "e").exists()


def test_splits_choose_the_cases(world, tmp_path, monkeypatch, capsys):
    (tmp_path / "s.csv").write_text("case,split\na,train\nb,test\n")
    options = ("table", "--cases", world[0] / "cases", "--bundle", world[0] / "bundle", "--splits", tmp_path / "s.csv")
    run(monkeypatch, *options, "--output", tmp_path / "e")
    assert {row.case for row in read_scores(tmp_path / "e")} == {"b"}
    with pytest.raises(InputError, match="puts no case into the split 'validation'"):
        run(monkeypatch, *options, "--split", "validation", "--output", tmp_path / "f")
    capsys.readouterr()


def test_images_on_different_grids_are_refused(tmp_path, write_case):
    case = write_case(tmp_path / "c", **EGG)
    moved = sitk.ReadImage(str(case / "t2.nii.gz"))
    moved.SetOrigin((1, 0, 0))
    sitk.WriteImage(moved, str(case / "t2.nii.gz"))
    with pytest.raises(InputError, match=r"The t2 and the us of the case .* have different grids"):
        read_judged_case(case, ALL, 1.0, 32)


def scores(case: str, values: list[float], inputs: str = "us", target: str = "t2") -> list[SliceScore]:
    return [SliceScore(case, inputs, target, n, v, v / 100, v + 1, v / 100) for n, v in enumerate(values)]


def test_cases_count_alike_however_many_slices_they_have():
    rows = [*scores("a", [20, 22]), *scores("b", [30] * 10), *scores("a", [40], "us+t2")]
    assert case_means(rows, "psnr_standard")["us", "t2"] == {"a": 21, "b": 30}
    assert summary([21, 30], "psnr_standard") == "25.5 (6.4)"
    assert summary([0.21], "ssim_standard") == "21.0"
    lines = table(rows, "standard").splitlines()
    us = next(line for line in lines if line.startswith("| ● | ○ | ○ | ○ |"))
    assert us.split(" | ")[7:10] == ["25.5 (6.4)", "25.5 (6.4)", "not computed"]
    assert us.endswith("| 0/2/0/0 |")
    pooled = next(line for line in lines if "**all**" in line)
    assert "30.2 (0.4)" in pooled  # a: (21 + 40) / 2, b: 30
    assert "26.5 (6.4)" in table(rows, "paper-compatible")


def test_better_is_said_only_where_a_corrected_paired_test_says_so():
    rng = np.random.default_rng(0)
    base = rng.uniform(20, 30, 20)
    runs: dict[str, list[SliceScore]] = {"ours": [], "theirs": [], "equal": []}
    for n, value in enumerate(base):
        for name, offset in {"ours": 2.0, "theirs": 0.0, "equal": 0.0}.items():
            runs[name] += scores(f"c{n}", [value + offset + rng.normal(0, 0.3)])
            runs[name] += scores(f"c{n}", [value + rng.normal(0, 0.3)], "t2", "us")
    runs["ours"] += scores("alone", [90.0])  # only one run has it
    found = compare(runs, "psnr_standard")
    cell = found["us", "t2"]
    assert len(cell.values["ours"]) == 20
    expected = wilcoxon(cell.values["ours"], cell.values["theirs"]).pvalue * 3 * 2
    assert cell.p["ours", "theirs"] == pytest.approx(expected)
    assert cell.best("psnr_standard") == "ours"
    assert found["t2", "us"].best("psnr_standard") is None
    assert cell.best("st_lpips") is None  # where lower is better, ours is the worst
    text = comparison_report(runs, "standard")
    assert len(re.findall(r"\*\*\d", text)) == 2  # PSNR and SSIM of one cell
    assert "times 6 tests" in text
    with pytest.raises(InputError, match="give two or more"):
        compare({"ours": runs["ours"]}, "psnr_standard")
    with pytest.raises(InputError, match="in common"):
        compare({"a": scores("x", [1]), "b": scores("y", [1])}, "psnr_standard")


def test_the_comparison_reads_what_the_tables_wrote(tmp_path, monkeypatch, capsys):
    for name, offset in {"one": 0, "two": 1}.items():
        (tmp_path / name / "slices").mkdir(parents=True)
        for case in range(8):
            rows = [vars(row) for row in scores(f"c{case}", [20 + case / 3 + offset * (1 + case / 10)])]
            with (tmp_path / name / "slices" / f"c{case}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
    run(monkeypatch, "compare", tmp_path / "one", tmp_path / "two", "--output", tmp_path / "c.md")
    assert "| us | t2 | 8 | 21.2 (0.8) | **22.5 (1.1)** | 0.0078 |" in (tmp_path / "c.md").read_text()
    capsys.readouterr()
    with pytest.raises(InputError, match="rename one"):
        run(monkeypatch, "compare", tmp_path / "one", tmp_path / "one", "--output", tmp_path / "c.md")


def test_methods_stand_beside_the_papers_averages_and_their_costs(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(1)
    base = rng.uniform(20, 30, 20)
    for name, offset in {"mmhvae": 3.0, "resvit": 0.0, "m2dn": -1.0}.items():
        rows = [score for n, value in enumerate(base) for subset in ("us", "us+flair")
                for score in scores(f"c{n}", [value + offset + rng.normal(0, 0.2)], subset, "t2")]  # fmt: skip
        write_scores(rows, tmp_path / name / "slices" / "all.csv")
    cost = {"side": 192, "parameters": 10.2e6, "gmacs": 6.54, "seconds": 0.25}
    costs = {"mmhvae": cost, "m2dn": cost | {"side": 96}}
    (tmp_path / "costs.json").write_text(json.dumps({"costs": costs}))
    given = (*(tmp_path / name for name in ("mmhvae", "resvit", "m2dn")), "--costs", tmp_path / "costs.json")
    run(monkeypatch, "compare-methods", *given, "--output", tmp_path / "m.md")
    lines = {line.split(" | ")[0].strip("| "): line for line in (tmp_path / "m.md").read_text().splitlines()}
    assert f"**{np.mean(base) + 3:.1f}"[:5] in lines["mmhvae"]
    assert lines["method"].endswith("| slice (pixels) | parameters (M) | GMACs | seconds a slice |")
    assert lines["mmhvae"].endswith("| 192 | 10.20 | 6.5 | 0.250 |")
    assert lines["m2dn"].endswith("| 96 | 10.20 | 6.5 | 0.250 |")
    assert lines["resvit"].endswith("| - | - | - | - |")
    assert len({line.count("|") for line in lines.values() if "paper*" in line or "192" in line}) == 1
    assert "**" not in lines["resvit"]
    assert "*28.9*" in lines["*mmhvae, paper*"]
    for other in ("[]", json.dumps({"costs": {"mmhvae": {"parameters": 1, "gmacs": 1, "seconds": 1}}})):
        (tmp_path / "costs.json").write_text(other)  # the second tells no side: of a slice of which nothing is known
        with pytest.raises(InputError, match="holds no costs"):
            run(monkeypatch, "compare-methods", *given, "--output", tmp_path / "m.md")


def test_seeds_of_a_method_count_together_and_are_told_apart(tmp_path, monkeypatch, capsys):
    base = np.random.default_rng(2).uniform(20, 30, 12)
    offsets = {"mmhvae/seed-1": 2.0, "mmhvae/seed-2": 4.0, "resvit": 0.0}
    for name, offset in offsets.items():
        rows = [score for n, value in enumerate(base) for score in scores(f"c{n}", [value + offset], "us", "t2")]
        write_scores(rows, tmp_path / name / "slices" / "all.csv")
    given = ("compare-methods", tmp_path / "mmhvae", tmp_path / "resvit", "--output", tmp_path / "m.md")
    run(monkeypatch, *given)
    text = (tmp_path / "m.md").read_text()
    assert f"**{base.mean() + 3:.1f} ({base.std(ddof=1):.1f})**" in text  # 12 cases, not 24
    assert "over the 12 cases that all have" in text
    assert f"| mmhvae | 2 | - | {base.mean() + 2:.1f}, {base.mean() + 4:.1f} |" in text
    (tmp_path / "mmhvae" / "seed-2" / "slices" / "more.csv").write_text(
        (tmp_path / "resvit" / "slices" / "all.csv").read_text().replace("c0,", "c99,")
    )
    with pytest.raises(InputError, match="were judged on different cases"):
        run(monkeypatch, *given)


def test_principal_components_are_those_of_the_covariance():
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    samples = (rng.standard_normal((4000, 5)) * [5, 3, 2, 1, 0.5]) @ turn.T + 7
    mean, axes, shares = principal_components(samples)
    values, vectors = np.linalg.eigh(np.cov(samples.T))
    np.testing.assert_allclose(shares, values[::-1][:3] / values.sum(), rtol=1e-9)
    np.testing.assert_allclose(np.abs(axes @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-6)
    np.testing.assert_allclose(mean, samples.mean(0))


def test_the_figures_are_drawn(world, tmp_path, monkeypatch, capsys):
    run(monkeypatch, "figures", "--cases", world[0] / "cases", "--bundle", world[0] / "bundle", "--output", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"latents.png", "temperature.png", "harmonisation.png"}
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
    assert "z_1: PC1" in capsys.readouterr().out

"""The small network on a data set: patches, training, resuming, outlines; scores and layouts; what is refused."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import segment
import SimpleITK as sitk
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

from mmhvae import InputError
from mmhvae.images import image_on
from mmhvae.segmentation import load_ultrasound_segmenter, outline_ultrasound
from mmhvae_training.loop import CHECKPOINT
from mmhvae_training.ultrasound_tumours import Origin, folds_by_head, load_trained, write_case, write_description
from mmhvae_training.ultrasound_tumours.examples import draw_patch, read_examples
from mmhvae_training.ultrasound_tumours.layouts import find_cases
from mmhvae_training.ultrasound_tumours.nnunet_folder import read_data_set
from mmhvae_training.ultrasound_tumours.plain_weights import from_small
from mmhvae_training.ultrasound_tumours.scores import score_outline, scores_table
from mmhvae_training.ultrasound_tumours.small_configuration import ExamplesConfig, SmallUNetConfig
from mmhvae_training.ultrasound_tumours.small_method import small_network
from scipy.stats import wilcoxon

pytestmark = pytest.mark.long

SHAPE = (22, 20, 24)


def ultrasound(seed: int, grid: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
    """A ball that is seen, with a bright ball of tumour in it."""
    rng = np.random.default_rng(seed)
    places = np.moveaxis(np.indices(SHAPE), 0, -1)
    seen = np.linalg.norm(places - np.array(SHAPE) / 2, axis=-1) < 9.5
    tumour = np.linalg.norm(places - np.array(SHAPE) / 2 - rng.uniform(-3, 3, 3), axis=-1) < 4
    image = np.where(seen, rng.uniform(40, 80, SHAPE) + 120 * tumour, 0).astype(np.float32)
    return image_on(image, grid), image_on(tumour.astype(np.uint8), grid)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """Four cases of four heads in two folds, on oblique grids of 1 mm."""
    folder = tmp_path_factory.mktemp("data") / "Dataset100_Balls"
    direction, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    grid = sitk.Image(SHAPE[::-1], sitk.sitkUInt8)
    grid.SetDirection(direction.ravel().tolist())
    grid.SetOrigin((10, -20, 30))
    for number in range(4):
        write_case(folder, f"case-{number}", *ultrasound(number, grid))
    origins = {f"case-{number}": Origin(f"head-{number}") for number in range(4)}
    heads = {case: origin.head for case, origin in origins.items()}
    write_description(folder, origins, folds_by_head(heads, 2), {"method": "balls"})
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """``call("train", ...)``: segment.py in this process -> status and complaint."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["segment.py", *map(str, arguments)])
        return status_of(segment.main), capsys.readouterr().err

    return run


SMALL = ["--data.patch", "[16,16,16]", "--architecture.channels", "[4,8,8]", "--output.checkpoint_every", 1,
         "--optimisation.learning_rate", 0.1, "--output.log_every", 1, "--device.devices", 1]  # fmt: skip


def training(data: Path, output: Path, steps: int, *more: object) -> list[object]:
    given = ["train", "--engine", "small", "--data", data, "--fold", 0, "--output", output, "--device", "cpu"]
    return [*given, "--optimisation.steps", steps, *SMALL, *more]


@pytest.fixture(scope="module")
def trained(data_set, tmp_path_factory):
    """Folder of a run of 30 steps."""
    output = tmp_path_factory.mktemp("runs") / "small"
    before, sys.argv = sys.argv, ["segment.py", *map(str, training(data_set, output, 30))]
    try:
        assert status_of(segment.main) == 0
    finally:
        sys.argv = before
    return output


def test_the_small_network_learns_and_outlines_who_it_has_not_learnt_from(data_set, trained, call, tmp_path):
    losses = [json.loads(line) for line in (trained / "fold_0" / "losses.jsonl").read_text().splitlines()]
    values = [row["dice and cross-entropy"] for row in losses]
    assert np.mean(values[-5:]) < 0.6 * np.mean(values[:3])
    outlines = tmp_path / "small"
    asked = ["--source", data_set, "--fold", 0]
    assert call("predict", "--model", trained / "fold_0", *asked, "--output", outlines, "--device", "cpu")[0] == 0
    data = read_data_set(data_set)
    for case in data.fold(0)["val"]:
        found, image = (sitk.ReadImage(str(path)) for path in (outlines / f"{case}.nii.gz", data.image(case)))
        assert found.GetSize() == image.GetSize()
        np.testing.assert_allclose(found.GetOrigin(), image.GetOrigin(), atol=1e-4)
    assert call("evaluate", outlines, *asked, "--output", tmp_path / "table")[0] == 0
    rows = json.loads((tmp_path / "table" / "scores.json").read_text())
    assert [row["dice"] > 0.6 for row in rows] == [True, True]
    assert "| small |" in (tmp_path / "table" / "table.md").read_text()


def test_outlines_go_on_with_the_weights_and_flips_they_were_begun_with(data_set, trained, call, tmp_path, monkeypatch):
    def outline(image, *_, **__):
        return SimpleNamespace(labels=sitk.Cast(image > 100, sitk.sitkUInt8))

    monkeypatch.setattr(segment, "outline_ultrasound", outline)
    other, outlines = tmp_path / "fold_0", tmp_path / "outlines"
    shutil.copytree(trained / "fold_0", other)
    content = torch.load(other / CHECKPOINT, weights_only=True)
    next(iter(content["average"].values())).add_(1)
    torch.save(content, other / CHECKPOINT)
    asked = ["--source", data_set, "--output", outlines, "--device", "cpu"]
    assert [call("predict", "--model", trained / "fold_0", *asked)[0] for _ in range(2)] == [0, 0]
    before = {path.name: path.read_bytes() for path in outlines.iterdir()}
    for model, more, said in ((other, (), "other weights"), (trained / "fold_0", ("--flips", 2), "other flips")):
        status, complaint = call("predict", "--model", model, *asked, *more)
        assert (status, complaint.count("\n")) == (2, 1), complaint
        assert f"was begun with {said}; choose another folder for --output." in complaint
    shutil.copytree(data_set, tmp_path / data_set.name)
    asked[1], case = tmp_path / data_set.name, read_data_set(data_set).fold(0)["val"][0]
    assert call("predict", "--model", trained / "fold_0", *asked)[0] == 0  # the same cases, wherever they lie
    image = read_data_set(asked[1]).image(case)
    sitk.WriteImage(sitk.ReadImage(str(image)) + 1, str(image))
    status, complaint = call("predict", "--model", trained / "fold_0", *asked)
    assert (status, f"outlines holds results of another {case}; choose" in complaint) == (2, True)
    assert {path.name: path.read_bytes() for path in outlines.iterdir()} == before


def test_a_resumed_fold_equals_an_uninterrupted_one(data_set, call, tmp_path, monkeypatch):
    assert call(*training(data_set, tmp_path / "whole", 4))[0] == 0
    from mmhvae_training.ultrasound_tumours import SmallMethod

    monkeypatch.setattr(SmallMethod, "steps", property(lambda self: 2))  # stopped halfway
    assert call(*training(data_set, tmp_path / "parts", 4))[0] == 0
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", ["segment.py", *map(str, training(data_set, tmp_path / "parts", 4))])
    assert status_of(segment.main) == 0
    whole, parts = (torch.load(tmp_path / run / "fold_0" / CHECKPOINT, weights_only=True) for run in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 4
    for name, tensor in whole["average"].items():
        assert torch.equal(parts["average"][name], tensor), name


def test_the_default_network_has_the_parameters_that_it_says():
    assert sum(p.numel() for p in small_network(SmallUNetConfig()).parameters()) == pytest.approx(1.40e6, rel=0.01)


def test_a_run_exports_to_a_bundle_whose_outlines_are_its_own(data_set, trained, call, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("# Balls\n")
    run = trained / "fold_0"
    assert call("export", "--model", run, "--bundle", tmp_path / "bundle", "--card", card)[0] == 0
    bundle = load_ultrasound_segmenter(tmp_path / "bundle")
    assert bundle.card == "# Balls\n"
    assert len(bundle.manifest.training["runs"][0]["cases"]) == 2
    image = sitk.ReadImage(str(read_data_set(data_set).image("case-1")), sitk.sitkFloat32)
    mine, other = (outline_ultrasound(image, each, device="cpu") for each in (load_trained([run]), bundle))
    assert score_outline("m", "c", mine.labels, other.labels).dice > 0.99  # half precision


@pytest.mark.parametrize("channels", [(4, 8, 8), (4, 6, 8, 10)])
def test_the_plain_network_gives_the_small_ones_logits(channels):
    torch.manual_seed(0)
    config = SmallUNetConfig(channels)
    network = small_network(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    image = torch.randn(1, 1, 16, 24, 8)
    with torch.no_grad():
        torch.testing.assert_close(
            from_small(config, network.state_dict())(image), network(image), atol=1e-5, rtol=1e-5
        )


def test_patches_show_image_and_tumour_alike(data_set):
    data = read_data_set(data_set)
    example = read_examples(data, ["case-0"], 1.0)[0]
    config = ExamplesConfig(data_set, patch=(16, 16, 16), tumour_share=1.0)
    for seed in range(6):
        image, tumour = draw_patch(example, config, np.random.default_rng(seed))
        assert image.shape == tumour.shape == (16, 16, 16)
        assert tumour.sum() > 60
        assert image[tumour].mean() > image[(image != 0) & ~tumour].mean() + 1
    assert example.image.min() < 0 < example.image.max()


def labels(mask: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(mask.astype(np.uint8))


def quartiles(values) -> str:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.1f} [{low:.1f}-{high:.1f}]"


def test_scores_are_medians_and_quartiles_and_count_empty_outlines_apart():
    truth = np.zeros((12, 12, 12), bool)
    truth[2:10, 2:10, 2:10] = True
    rows = []
    for number in range(7):
        for method, depth in (("a", 9 - number // 3), ("b", 6)):
            found = truth & (np.arange(12)[:, None, None] < depth)
            if method == "b" and number == 0:
                found[:] = False
            rows.append(score_outline(method, f"case-{number}", labels(found), labels(truth)))
    empty = next(row for row in rows if row.found_ml == 0)
    assert (empty.dice, empty.distance_mm) == (0.0, None)
    a, b = ([row.dice for row in rows if row.method == method] for method in "ab")
    assert a[0] == pytest.approx(2 * 7 / 15)
    table = scores_table(rows)
    away_a, away_b = ([row.distance_mm for row in rows if row.method == method] for method in "ab")
    assert f"| a | {quartiles(100 * np.array(a))} | {quartiles(away_a)} | 0 |" in table
    assert f"| b | {quartiles(100 * np.array(b))} | {quartiles(away_b[1:])} | 1 |" in table
    dice, distance = wilcoxon(a, b).pvalue, wilcoxon(away_a[1:], away_b[1:]).pvalue  # the empty one has no distance
    assert dice < distance < 0.05
    assert f"| a - b | **{dice:.2g}** | **{distance:.2g}** |" in table


def test_without_a_distance_there_is_neither_a_median_nor_a_p():
    truth = np.zeros((6, 6, 6), bool)
    truth[2:4, 2:4, 2:4] = True
    found = {"a": truth, "b": np.zeros_like(truth)}
    table = scores_table([score_outline(name, "case", labels(mask), labels(truth)) for name, mask in found.items()])
    assert "| a | 100.0 [100.0-100.0] | 0.0 [0.0-0.0] | 0 |" in table
    assert "| b | 0.0 [0.0-0.0] | - | 1 |" in table
    assert re.search(r"^\| a - b \| .* \| - \|$", table, re.MULTILINE)


def test_layouts_of_resect_seg_and_remind_pair_ultrasound_with_labels(tmp_path):
    files = ["R/Case1/US/Case1-US-before.nii.gz", "R/Case1/US/Case1-US-during.nii.gz",
             "S/Case1/Case1-US-before-tumor.nii.gz",
             "R/Case2/US/Case2-US-before.nii.gz", "S/Case9/Case9-US-before-tumor.nii.gz",
             "M/Case001/Intraop-US/Case001-intraop-US-pre_dura.nrrd",
             "M/Case001/Annotations/Case001-intraop-SEG-tumor-US-pre_dura.nrrd",
             "M/Case002/Intraop-US/Case002-intraop-US-pre_dura.nrrd",
             "M/Case002/Annotations/Case002-preop-SEG-tumor-MR-3D_AX_T2.nrrd"]  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    resect = find_cases("resect-seg", tmp_path / "R", tmp_path / "S")
    assert [(case.name, case.image, case.label) for case in resect] == [
        ("Case1", tmp_path / files[0], tmp_path / files[2])
    ]
    remind = find_cases("remind", tmp_path / "M")
    assert [(case.name, case.image, case.label) for case in remind] == [
        ("Case001", tmp_path / files[5], tmp_path / files[6])
    ]
    with pytest.raises(InputError, match="check the layout"):
        find_cases("resect-seg", tmp_path / "M")


def test_bad_requests_are_one_sentence(data_set, trained, call, tmp_path, monkeypatch):
    asked = ["--source", data_set, "--output", tmp_path / "o"]
    cases = [
        (training(tmp_path, tmp_path / "r", 1), "is no name for nnU-Net"),
        (training(data_set, tmp_path / "r", 1, "--data.patch", "[9,16,16]"), "divisible by 4"),
        (training(data_set, tmp_path / "r", 1, "--optimisation.stepz", 2), "did you mean optimisation.steps"),
        ([*training(data_set, tmp_path / "r", 1)[:6], 7, "--output", tmp_path / "r"], "has 2 folds"),
        (training(data_set, trained, 40), "other optimisation"),
        (["train", "--engine", "nnunet", "--data", data_set, "--fold", 0, "--output", tmp_path / "w", "--x", 1], "--x"),
        (["predict", "--model", tmp_path, *asked], "saved a checkpoint"),
        (["predict", "--model", trained / "fold_0", *asked, "--fold", 5], "has 2 folds"),
        (["evaluate", tmp_path, *asked], "outline this case with segment.py predict"),
        (["evaluate", tmp_path, tmp_path, *asked], "the same name"),
        (["evaluate", tmp_path, *asked, "--surprise"], "knows no --surprise"),
        (["export", "--model", trained / "fold_0"], "give --bundle"),
        (["export", "--model", trained / "fold_0", "--bundle", tmp_path / "b"], "give --card"),
        (["export", "--model", tmp_path, "--zip", tmp_path / "z.zip"], "leave out --zip"),
    ]
    for arguments, said in cases:
        status, complaint = call(*arguments)
        assert (status, complaint.count("\n")) == (2, 1), complaint
        assert said in complaint


@pytest.mark.parametrize("engine", ["small", "nnunet"])
def test_a_data_set_that_lacks_labels_is_no_traceback(data_set, call, tmp_path, engine):
    for missing in ("labelsTr/case-2.nii.gz", "labelsTr"):  # one, then all
        folder = tmp_path / missing.replace("/", "-") / data_set.name
        shutil.copytree(data_set, folder)
        (shutil.rmtree if missing == "labelsTr" else Path.unlink)(folder / missing)
        given = ["train", "--engine", engine, "--data", folder, "--fold", 0, "--output", tmp_path / "o"]
        status, complaint = call(*given, "--device", "cpu")
        assert (status, complaint.count("\n")) == (2, 1), complaint
        assert f"{folder / 'labelsTr' / 'case-'}" in complaint
        assert "is missing; make the data set again." in complaint
    assert not list((tmp_path / "o").rglob(CHECKPOINT))


def test_without_nnunet_a_sentence_says_how_to_get_it(data_set, call, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, complaint = call("train", "--engine", "nnunet", "--data", data_set, "--fold", 0, "--output", tmp_path / "w")
    assert status == 2
    assert "pip install --no-deps nnunetv2==2.8.1" in complaint
    assert not (tmp_path / "w").exists()

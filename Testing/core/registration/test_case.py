"""The whole job by one call, from Python and from the command line: the same pose, the same verdict, and what of it
is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError, overlay, register_case
from mmhvae.answers import CaseReport
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.commands import register_case as command
from mmhvae.images import to_matrix
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.registration.case import CasePairs
from mmhvae.settings import PosePrior, ReconstructionSettings, RegistrationSettings, SynthesisSettings
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.sequence_file import write_sweep
from mmhvae.synthesis.synthesis import synthesize
from scipy import ndimage

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
SIZE = 28
STRENGTH = {"t2": 0.7, "flair": 0.2}
START = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.02, -0.01, 0.015, (1.0, -0.5, 0.5))
#: Quick, and no more exact than the tests ask for.
QUICK = RegistrationSettings(preview=True, synthesis=SynthesisSettings(samples=2, seed=3))


def smooth(seed: int, size: int) -> np.ndarray:
    values = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((size,) * 3), 2.5)
    return (values - values.min()) / np.ptp(values)


def centred(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetOrigin([-(n - 1) / 2 for n in image.GetSize()])
    return image


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    made = Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests", strength=STRENGTH), "card")
    return save_bundle(made, tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def us() -> sitk.Image:
    axes = np.meshgrid(*[np.linspace(-1, 1, SIZE)] * 3, indexing="ij")
    ball = np.linalg.norm(axes, axis=0) < 0.95
    return centred(ball * (20 + 200 * smooth(0, SIZE)))


@pytest.fixture(scope="module")
def mrs(us: sitk.Image) -> dict[str, sitk.Image]:
    """MRs that lie about where they belong: whatever a network of random weights shows of them."""
    return {name: centred(1 + 900 * smooth(seed, SIZE + 20)) for seed, name in enumerate(("flair", "t2"))}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, us: sitk.Image, mrs: dict[str, sitk.Image]) -> Path:
    folder = tmp_path_factory.mktemp("case")
    for name, image in {"us": us, **mrs}.items():
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    sitk.WriteTransform(START, str(folder / "start.tfm"))
    labels = np.zeros((SIZE + 20,) * 3, np.uint8)
    labels[16:28, 18:30, 20:32] = 1
    sitk.WriteImage(image_on(labels, mrs["t2"]), str(folder / "plan.seg.nrrd"))
    labels[17:] = 0  # 0.14 ml
    sitk.WriteImage(image_on(labels, mrs["t2"]), str(folder / "speck.nii.gz"))
    return folder


def asked(files: Path, output: Path, *more: object) -> list[object]:
    settings = ["--preview", "--samples", 2, "--seed", 3, "--device", "cpu"]
    mrs = ["--t2", files / "t2.nii.gz", "--flair", files / "flair.nii.gz"]
    return ["register-case", "--us", files / "us.nii.gz", *mrs, "--output", output, *settings, *more]


def test_python_and_command_line_find_the_same(run, bundle, files, us, mrs, tmp_path):
    from mmhvae import load_bundle

    seen: list[float] = []
    loaded = load_bundle(bundle)
    result = register_case(us, mrs, loaded, QUICK, START, "cpu", lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    made = synthesize(loaded, {"us": us}, ["t2", "flair"], device="cpu", settings=QUICK.synthesis)
    for name, image in made.images.items():
        assert np.array_equal(sitk.GetArrayFromImage(result.synthetic.images[name]), sitk.GetArrayFromImage(image))
    given = register_case(us, mrs, loaded, QUICK, START, "cpu", synthetic=made)
    assert np.array_equal(to_matrix(given.transform), to_matrix(result.transform))
    assert (given.trust, given.model, result.model.name) == (result.trust, None, "tiny")
    witnesses = {each.name: each for each in result.trust.witnesses}
    assert {name: each.strength for name, each in witnesses.items() if name != "us"} == STRENGTH
    options = ["--bundle", bundle, "--initial", files / "start.tfm", "--moves-along", files / "plan.seg.nrrd"]
    status, text, errors = run(*asked(files, tmp_path / "out", *options))
    assert (status, errors) == (command.FAILED if result.trust.verdict == "failed" else 0, "")
    assert result.trust.verdict.upper() in text
    told = CaseReport.from_json(json.loads((tmp_path / "out" / "verdict.json").read_text()))
    np.testing.assert_allclose(np.reshape(told.matrix, (4, 4)), to_matrix(result.transform), atol=1e-4)  # NIfTI's grids
    read = sitk.ReadTransform(str(tmp_path / "out" / told.transform))
    np.testing.assert_allclose(to_matrix(read), np.reshape(told.matrix, (4, 4)), atol=1e-6)
    assert (told.verdict, told.reason) == (result.trust.verdict, result.trust.reason)
    assert told.expected_error_mm == pytest.approx(result.trust.expected_error_mm, rel=1e-2)
    assert told.settings == QUICK
    assert (told.contrasts, told.model) == (("t2", "flair"), "tiny")
    assert told.witnessed in text
    assert [(each.name, each.agrees) for each in told.witnesses] == [(n, e.agrees) for n, e in witnesses.items()]
    assert told.evidence.keys() == {k for k, v in result.trust.evidence.items() if np.isfinite(v)}


def verdict_of(monkeypatch: pytest.MonkeyPatch, verdict: str) -> None:
    """The trust model says so, whatever the evidence."""
    monkeypatch.setattr(
        "mmhvae.registration.trust.assessment.conclude", lambda model, found: (verdict, 1.5, "So it is.")
    )


@pytest.mark.parametrize(("verdict", "status"), [("good", 0), ("check", 0), ("failed", 3)])
def test_the_exit_status_and_what_moves_along(run, files, us, tmp_path, monkeypatch, verdict, status):
    verdict_of(monkeypatch, verdict)
    options = ["--method", "direct", "--prior", 2, 1.5, "--moves-along", files / "plan.seg.nrrd"]
    got, text, errors = run(*asked(files, tmp_path, *options))
    assert (got, errors) == (status, "")
    assert f"{verdict.upper()}: expected error 1.5 mm. So it is." in text
    told = json.loads((tmp_path / "verdict.json").read_text())
    assert told["settings"]["prior"] == {"translation_mm": 2.0, "rotation_deg": 1.5}
    assert (told["settings"]["method"], told["model"], told["intended_use"]) == (
        "direct", "", "Research only. Not approved for clinical use.",
    )  # fmt: skip
    if verdict == "failed":
        assert told["moved_along"] == []
        assert "Nothing was moved along" in text
        assert not list(tmp_path.glob("plan*"))
        return
    assert told["moved_along"] == ["plan-on-us.nii.gz"]
    plan, pose = sitk.ReadImage(str(files / "plan.seg.nrrd")), sitk.ReadTransform(str(tmp_path / "us-to-preop.tfm"))
    expected, _ = overlay(plan, pose, sitk.ReadImage(str(files / "us.nii.gz")))
    written = sitk.ReadImage(str(tmp_path / "plan-on-us.nii.gz"))
    assert same_grid(written, us, (1e-3, 1e-5))
    assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(expected))


def test_a_sweep_is_reconstructed_first(run, us, mrs, files, tmp_path, monkeypatch):
    verdict_of(monkeypatch, "good")
    frames = sitk.GetArrayFromImage(us).astype(np.uint8)
    poses = np.tile(np.diag([-1.0, -1, 1, 1]), (len(frames), 1, 1))  # the volume's own places, in RAS
    poses[:, :3, 3] = np.array(us.GetOrigin()) * [-1, -1, 1] + np.outer(np.arange(len(frames)), [0, 0, 1])
    sweep = Sweep(ArrayFrames(frames), poses, np.ones(len(frames), bool), np.arange(len(frames)) / 10)
    write_sweep(tmp_path / "sweep.igs.mha", sweep)
    settings = RegistrationSettings("direct", preview=True, reconstruction=ReconstructionSettings(spacing=1.0))
    result = register_case(sweep, {"t2": mrs["t2"]}, settings=settings, device="cpu")
    assert result.ultrasound.GetSize() == us.GetSize()
    arguments = ["--us", tmp_path / "sweep.igs.mha", "--t2", files / "t2.nii.gz", "--output", tmp_path, "--preview"]
    status, _, errors = run("register-case", *arguments, "--method", "direct", "--spacing", 1, "--device", "cpu")
    assert (status, errors) == (0, "")
    told = json.loads((tmp_path / "verdict.json").read_text())
    assert (told["frames_used"], told["ultrasound_size"]) == (SIZE, [SIZE] * 3)
    np.testing.assert_allclose(np.reshape(told["matrix"], (4, 4)), to_matrix(result.transform), atol=1e-3)


def test_only_what_lies_within_the_region_counts(run, us, mrs, files, tmp_path, monkeypatch):
    """A shell: the hole, as of a resection, counts as little as what lies beyond; each door finds the same."""
    verdict_of(monkeypatch, "good")
    radius = np.linalg.norm(np.meshgrid(*[np.linspace(-1, 1, SIZE)] * 3, indexing="ij"), axis=0)
    shell = (radius < 0.8) & (radius > 0.3)
    other = np.where(shell | (radius >= 0.95), sitk.GetArrayFromImage(us), 20 + 200 * smooth(9, SIZE))
    settings = RegistrationSettings("direct", preview=True)
    found = []
    for image in (us, centred(other)):
        result = register_case(image, mrs, settings=settings, device="cpu", region=image_on(shell.astype(np.uint8), us))
        assert result.region_share == pytest.approx(shell.sum() / (radius < 0.95).sum(), rel=1e-3)
        found.append(to_matrix(result.transform))
    assert np.array_equal(*found)
    without = register_case(centred(other), mrs, settings=settings, device="cpu")
    assert without.region_share is None
    assert np.abs(to_matrix(without.transform) - found[0]).max() > 1e-3
    layers = np.stack([shell & (radius < 0.5), shell & (radius >= 0.5)], -1).astype(np.uint8)
    image = sitk.GetImageFromArray(layers, isVector=True)  # overlapping segments may lie in several layers
    image.CopyInformation(us)
    sitk.WriteImage(image, str(tmp_path / "shell.seg.nrrd"))
    options = ["--method", "direct", "--only-within", tmp_path / "shell.seg.nrrd"]
    status, text, errors = run(*asked(files, tmp_path / "out", *options))
    assert (status, errors) == (0, "")
    assert "Registered within shell.seg.nrrd only: 57 % of the ultrasound." in text
    told = CaseReport.from_json(json.loads((tmp_path / "out" / "verdict.json").read_text()))
    assert (told.region, told.region_share) == ("shell.seg.nrrd", pytest.approx(0.566, abs=1e-3))
    np.testing.assert_allclose(np.reshape(told.matrix, (4, 4)), found[0], atol=1e-4)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--prior", 0, 5], "prior's translation is 0; give a number from 0.1 to 100 mm"),
        (["--samples", 0], "number of samples is 0"),
        (["--method", "magic"], "method is magic; give synthesis or direct"),
        (["--spacing", 1], "--spacing describes a sweep"),
        (["--initial", "nowhere.tfm"], "nowhere.tfm"),
        (["--bundle", "nowhere"], "name of an installed model"),
        (["--moves-along", "nowhere.nrrd"], "nowhere.nrrd"),
        (["--only-within", "nowhere.nrrd"], "nowhere.nrrd"),
        (["--only-within", "us.nii.gz"], "map of whole numbers"),
        (
            ["--only-within", "speck.nii.gz", "--method", "direct"],
            "lies within the region; give another region, or none",
        ),
        (["--moves-along", "a/plan.nrrd", "b/plan.nrrd"], "give one of them another name"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_registered_is_one_sentence_and_nothing_is_written(
    run, files, tmp_path, monkeypatch, more, words
):
    monkeypatch.chdir(files)
    status, _, errors = run(*asked(files, tmp_path / "out", *more))
    assert (status, errors.count("\n")) == (2, 1)
    assert words in errors
    assert not list(tmp_path.glob("out/*"))


def test_no_mr_and_another_image_than_an_mr_are_refused(run, files, us, tmp_path):
    status, _, errors = run("register-case", "--us", files / "us.nii.gz", "--output", tmp_path)
    assert (status, "no pre-operative MR" in errors) == (2, True)
    for mrs, words in (({}, "no pre-operative MR"), ({"us": us}, "is no MR"), ({"t1": us}, "Unknown modality")):
        with pytest.raises(InputError, match=words):
            register_case(us, mrs)
    with pytest.raises(InputError, match="give a pair of each contrast"):
        CasePairs.of(us, {"t2": us}, RegistrationSettings())


def test_the_prior_of_the_settings_is_what_registers_and_judges(us, mrs):
    narrow = RegistrationSettings("direct", PosePrior(0.1, 0.1), preview=True)
    pairs = CasePairs.of(us, {"t2": mrs["t2"]}, narrow, START)
    result = pairs.register("cpu")
    apart = to_matrix(result.transform) - to_matrix(START)
    assert np.abs(apart[:3]).max() < 0.5
    assert "prior_deviations" in pairs.judge(result, "cpu").evidence

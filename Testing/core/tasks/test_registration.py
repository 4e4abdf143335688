"""The engine's task for a whole case: the core's registration and verdict, by files, errors in sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, InputError
from mmhvae.images import exp_se3, read_transform, to_matrix
from mmhvae.images.volumes import field_of_view
from mmhvae.registration import case as registration_case
from mmhvae.registration.channels import Channel
from mmhvae.registration.rigid import register_channels
from mmhvae.registration.trust import assess
from mmhvae.settings import PosePrior
from mmhvae.tasks import registration as registration_tasks
from mmhvae.tasks.context import BundleCache, Context
from mmhvae.tasks.parameters import Parameters
from scipy import ndimage

SIZE = (44, 42, 40)
MOVED = exp_se3(np.array([0.03, -0.02, 0.04, 2.0, -1.5, 1.0]))


def smooth(seed: int) -> np.ndarray:
    values = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((72, 72, 72)), 2.5)
    return (values - values.min()) / np.ptp(values)


def blob(array: np.ndarray, spacing: float = 1.0) -> sitk.Image:
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing([spacing] * 3)
    image.SetOrigin([-(n - 1) / 2 * spacing for n in image.GetSize()])
    return image


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """An ultrasound and its synthetic T2 and FLAIR in a ball, and the MRs, which lie displaced by ``MOVED``."""
    folder = tmp_path_factory.mktemp("case")
    reference = sitk.Image(SIZE, sitk.sitkFloat32)
    reference.SetOrigin([-(n - 1) / 2 for n in SIZE])
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in reversed(SIZE)], indexing="ij")
    ball = (np.linalg.norm(axes, axis=0) < 0.95).astype(np.float32)
    to_moving = sitk.AffineTransform(3)
    to_moving.SetMatrix(MOVED[:3, :3].ravel().tolist())
    to_moving.SetTranslation(MOVED[:3, 3].tolist())
    images = {}
    for seed, name in enumerate(("t2", "flair")):
        mr = blob(1 + 1000 * smooth(seed))
        images[f"moving-{name}"] = mr
        seen = sitk.GetArrayFromImage(sitk.Resample(mr, reference, to_moving, sitk.sitkLinear))
        images[f"fixed-{name}"] = blob(ball * seen / 1000)
        images[f"uncertainty-{name}"] = blob(ball * (0.01 + 0.02 * np.abs(axes[0])))
    images["us"] = blob(ball * (20 + 200 * sitk.GetArrayFromImage(images["fixed-t2"])))
    for name, image in images.items():
        sitk.WriteImage(image, str(folder / f"{name}.mha"))
    return {name: folder / f"{name}.mha" for name in images}


def asked(files, names=("t2", "flair"), **changes):
    def group(kind):
        return {name: str(files[f"{kind}-{name}"]) for name in names}

    request = {kind: group(kind) for kind in ("fixed", "moving", "uncertainty")}
    request |= {"ultrasound": str(files["us"]), "preview": True, "prior": None, "device": "cpu"}
    return request | changes


def run(request, folder, progress=lambda fraction, message: None):
    task = registration_tasks.run_register_case
    return task(Parameters(request), Context(BundleCache(), folder, progress)).to_json()


def test_it_is_the_cores_registration_and_verdict(files, tmp_path):
    reports = []
    initial = exp_se3(np.array([0.01, 0, 0, 0.5, 0, 0]))
    request = asked(files, initial=initial.ravel().tolist(), prior={"translation_mm": 8.0, "rotation_deg": 4})
    answer = run(request, tmp_path / "1", lambda fraction, message: reports.append(fraction))
    read = {name: sitk.ReadImage(str(path)) for name, path in files.items()}
    mask = field_of_view(read["us"])
    channels = [
        Channel(read[f"fixed-{n}"], read[f"moving-{n}"], mask, None, True, 1.0, read[f"uncertainty-{n}"], n)
        for n in ("t2", "flair")
    ]
    start, prior = registration_tasks._transform(initial.ravel().tolist()), PosePrior(8.0, 4.0)
    result = register_channels(channels, start, "cpu", preview=True, prior=prior)
    trust = assess(channels, result, start, read["us"], mask, prior, "cpu")
    np.testing.assert_allclose(np.reshape(answer["matrix"], (4, 4)), to_matrix(result.transform), atol=1e-6)
    np.testing.assert_allclose(np.reshape(answer["matrix"], (4, 4)), MOVED, atol=0.15)
    np.testing.assert_allclose(to_matrix(read_transform(answer["transform"])), to_matrix(result.transform), atol=1e-6)
    assert (answer["verdict"], answer["reason"]) == (trust.verdict, trust.reason)
    for name in ("expected_error_mm", "moved_mm", "moved_deg"):
        assert answer[name] == pytest.approx(getattr(trust, name), rel=1e-3)
    assert answer["evidence"].keys() == trust.evidence.keys()
    assert answer["similarity_after"] > answer["similarity_before"]
    assert reports == sorted(reports)
    assert reports[-1] == 1.0


def test_a_contrast_that_is_another_one_costs_trust(files, tmp_path):
    """The FLAIR's row holds another image than the synthesis took for one: the two contrasts cannot agree."""
    right = run(asked(files), tmp_path / "1")
    moving = {"t2": str(files["moving-t2"]), "flair": str(files["moving-t2"])}
    wrong = run(asked(files, moving=moving), tmp_path / "2")
    assert right["verdict"] == "good"
    assert wrong["verdict"] != "good"
    assert wrong["expected_error_mm"] > 2 * right["expected_error_mm"]


def test_without_synthetic_images_the_ultrasound_itself_is_registered(files, tmp_path):
    answer = run(asked(files, names=("t2",), fixed={}, uncertainty={}, method="direct"), tmp_path / "1")
    np.testing.assert_allclose(np.reshape(answer["matrix"], (4, 4)), MOVED, atol=0.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"moving": {}}, "no pre-operative MR"),
        ({"moving": {"us": "a.mha"}}, "is no MR"),
        ({"moving": {"t1": "a.mha"}}, "Unknown modality"),
        ({"fixed": {"t2": "a.mha"}, "uncertainty": {}}, "give a pair of each"),
        ({"uncertainty": {"cet1": "a.mha"}}, "without its synthetic image"),
        ({"ultrasound": "nowhere.mha"}, "no file"),
        ({"initial": [1.0] * 15}, "not 16 finite numbers"),
        ({"initial": np.diag([2.0, 1, 1, 1]).ravel().tolist()}, "scales, shears"),
        ({"prior": {"translation_mm": 0.0, "rotation_deg": 5.0}}, "prior's translation is 0; give a number"),
        ({"prior": {"translation_mm": 5.0, "rotation_deg": 5.0, "mm": 1}}, "no setting mm"),
        ({"method": "synthetic"}, "method is synthetic; give synthesis or direct"),
    ],
)
def test_what_cannot_be_registered_is_a_sentence(files, tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        run(asked(files, **changes), tmp_path / "1")
    assert not (tmp_path / "1").exists()


def test_cancelling_stops_it_between_two_steps(files, tmp_path):
    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(asked(files), tmp_path / "1", stop)
    assert not (tmp_path / "1").exists()


def test_it_goes_on_with_the_cpu_where_the_gpu_is_full(files, tmp_path, monkeypatch):
    tried, register = [], registration_case.register_channels

    def crowded(channels, initial, device, *rest, **named):
        tried.append(device)
        if device == "cuda:0":
            raise torch.OutOfMemoryError
        return register(channels, initial, device, *rest, **named)

    monkeypatch.setattr(registration_case, "register_channels", crowded)
    monkeypatch.setattr(registration_case, "choose_device", lambda name: torch.device("cuda:0"))
    answer = run(asked(files, names=("t2",)), tmp_path / "1")
    assert tried == ["cuda:0", "cpu"]
    assert answer["device"] == "cpu"
    assert "memory was full" in answer["notice"]

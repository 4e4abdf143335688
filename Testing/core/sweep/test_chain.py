"""The way through named transforms, and which frames of a sequence can be relied upon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmhvae.exceptions import InputError
from mmhvae.images.transforms import exp_se3
from mmhvae.sweep.chain import Step, composed, edges_named, find_chain
from mmhvae.sweep.frames import ArrayFrames
from mmhvae.sweep.sequence_file import read_sweep, write_sequence

COUNT = 4
CALIBRATION = np.array([[0.2, 0.01, 0, -20], [0.0, 0.3, 0.02, 5], [0.01, 0, 0.2, 1], [0, 0, 0, 1]])


def rigid(seed: int) -> np.ndarray:
    return exp_se3(np.random.default_rng(seed).normal(size=(COUNT, 6)) * [1, 1, 1, 50, 50, 50])


def edges(*names: str) -> list:
    return [edge for name in names for edge in edges_named(name)]


def written(folder: Path, transforms: dict, valid: dict | None = None) -> Path:
    frames = ArrayFrames(np.arange(COUNT * 6, dtype=np.uint8).reshape(COUNT, 2, 3))
    write_sequence(folder / "sweep.igs.mha", frames, transforms, valid=valid)
    return folder / "sweep.igs.mha"


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("ProbeToTracker", [("Probe", "Tracker")]),
        ("ToolToTracker", [("Tool", "Tracker")]),
        ("ProbeToTool", [("Probe", "Tool")]),
        ("StylusTipToReference", [("StylusTip", "Reference")]),
        ("Marker1To2", [("Marker1", "2")]),
        ("TorsoToTouch", [("Torso", "Touch")]),
        ("Probe", []),
        ("ToTracker", []),
        ("Tomato", []),
    ],
)
def test_names_of_transforms(name: str, ends: list) -> None:
    assert [(edge.start, edge.end) for edge in edges_named(name)] == ends


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ImageToReference"], ["+ImageToReference"]),
        (["ReferenceToImage"], ["-ReferenceToImage"]),
        (["ImageToProbe", "ProbeToReference"], ["+ImageToProbe", "+ProbeToReference"]),
        (
            ["ProbeToTracker", "ReferenceToTracker", "StylusToTracker", "ImageToProbe"],
            ["+ImageToProbe", "+ProbeToTracker", "-ReferenceToTracker"],
        ),
        # The shortest wins, wherever it stands.
        (
            ["ImageToProbe", "ProbeToTracker", "ReferenceToTracker", "ProbeToReference"],
            ["+ImageToProbe", "+ProbeToReference"],
        ),
        (["ImageToProbe", "ProbeToTracker"], None),
        (["imageToprobe", "ProbeToreference"], None),  # "To" is found by the capital after it
    ],
)
def test_chain(names: list[str], expected: list[str] | None) -> None:
    chain = find_chain(edges(*names), "image", "Reference")
    assert (chain and [("-" if step.is_inverse else "+") + step.name for step in chain]) == expected


def test_composition_is_in_the_order_of_the_points_way() -> None:
    a, b = rigid(1), rigid(2)
    np.testing.assert_allclose(
        composed([Step("a", False), Step("b", True)], {"a": a, "b": b}), np.linalg.inv(b) @ a, atol=1e-10
    )
    assert (composed([Step("a", False)], {"a": a}) == a).all()


def test_through_the_tracker(tmp_path: Path) -> None:
    probe, reference = rigid(3), rigid(4)
    path = written(tmp_path, {"ProbeToTracker": probe, "ReferenceToTracker": reference, "StylusToTracker": rigid(5)})
    sweep = read_sweep(path, CALIBRATION)
    np.testing.assert_allclose(sweep.image_to_reference, np.linalg.inv(reference) @ probe @ CALIBRATION, atol=1e-9)
    assert sweep.valid.all()


@pytest.mark.parametrize("reference", ["Tracker", "tracker", "Probe"])
def test_a_reference_as_told(tmp_path: Path, reference: str) -> None:
    probe = rigid(3)
    sweep = read_sweep(written(tmp_path, {"ProbeToTracker": probe}), CALIBRATION, reference=reference)
    expected = np.stack([CALIBRATION] * COUNT) if reference == "Probe" else probe @ CALIBRATION
    np.testing.assert_allclose(sweep.image_to_reference, expected, atol=1e-12)


def test_other_names_as_told(tmp_path: Path) -> None:
    poses = rigid(6)
    path = written(tmp_path, {"TransducerToPatient": poses})
    sweep = read_sweep(path, CALIBRATION, image="Picture", probe="Transducer", reference="Patient")
    np.testing.assert_allclose(sweep.image_to_reference, poses @ CALIBRATION, atol=1e-12)


def test_a_calibration_in_the_file_is_used_and_a_given_one_goes_first(tmp_path: Path) -> None:
    own, probe = np.stack([np.diag([0.5, 0.5, 0.5, 1.0])] * COUNT), rigid(7)
    path = written(tmp_path, {"ImageToProbe": own, "ProbeToReference": probe})
    np.testing.assert_allclose(read_sweep(path).image_to_reference, probe @ own, atol=1e-12)
    np.testing.assert_allclose(read_sweep(path, CALIBRATION).image_to_reference, probe @ CALIBRATION, atol=1e-12)


def test_lost_transforms_make_their_frames_invalid_but_only_if_needed(tmp_path: Path) -> None:
    valid = {"ProbeToTracker": [1, 0, 1, 1], "ReferenceToTracker": [1, 1, 0, 1], "StylusToTracker": [0, 0, 0, 0]}
    states = {name: np.array(state, bool) for name, state in valid.items()}
    transforms = {name: rigid(seed) for seed, name in enumerate(valid)}
    sweep = read_sweep(written(tmp_path, transforms, states), CALIBRATION)
    assert sweep.valid.tolist() == [True, False, False, True]


def test_nan_scale_shear_and_mirror_drop_the_frame(tmp_path: Path) -> None:
    poses = np.stack([np.eye(4)] * 8)
    poses[0, 0, 3] = np.nan
    poses[1, :3, :3] *= 1.1
    poses[2, 0, 1] = 0.1
    poses[3, 2, 2] = -1
    poses[4, :3, :3] *= 1.004  # within what a tracker rounds and jitters
    poses[6, 0, 3] = 1e300
    poses[7, 3, 0] = 1
    frames = ArrayFrames(np.zeros((8, 2, 3), np.uint8))
    write_sequence(tmp_path / "s.mha", frames, {"ProbeToReference": poses})
    sweep = read_sweep(tmp_path / "s.mha", CALIBRATION)
    assert sweep.valid.tolist() == [False, False, False, False, True, True, False, False]
    assert np.isfinite(sweep.image_to_reference).all()


def test_a_pose_straight_from_the_image_may_scale_but_not_be_flat(tmp_path: Path) -> None:
    poses = rigid(8) @ CALIBRATION
    poses[2, :3, 1] = 2 * poses[2, :3, 0]
    sweep = read_sweep(written(tmp_path, {"ImageToReference": poses}))
    assert sweep.valid.tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("transforms", "calibration", "sentence"),
    [
        ([], CALIBRATION, "holds no tracking"),
        (["ProbeToTracker", "ReferenceToTracker"], None, r"no calibration.*\.tfm.*16 numbers.*\.xml"),
        (["ProbeToTracker"], CALIBRATION, "no coordinate frame Reference, only Probe, Tracker"),
        (["StylusToReference"], CALIBRATION, "lead from Probe to Reference"),
        (["StylusToReference"], None, "lead from Probe to Reference"),
    ],
)
def test_what_cannot_be_chained_is_refused(
    tmp_path: Path, transforms: list[str], calibration: np.ndarray | None, sentence: str
) -> None:
    path = written(tmp_path, {name: rigid(1) for name in transforms})
    with pytest.raises(InputError, match=sentence):
        read_sweep(path, calibration)


def test_no_valid_frame_is_refused_with_the_transform_that_is_lost(tmp_path: Path) -> None:
    lost = {"ReferenceToTracker": np.zeros(COUNT, bool)}
    path = written(tmp_path, {"ProbeToTracker": rigid(1), "ReferenceToTracker": rigid(2)}, lost)
    with pytest.raises(InputError, match=r"None of the 4 frames .* ReferenceToTracker is OK in 0 of them"):
        read_sweep(path, CALIBRATION)


def test_a_calibration_beside_poses_of_the_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave the calibration out"):
        read_sweep(written(tmp_path, {"ImageToReference": rigid(1)}), CALIBRATION)


def test_transforms_that_all_scale_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"None of the 4 frames.* scale"):
        read_sweep(written(tmp_path, {"ProbeToReference": rigid(1) @ np.diag([2.0, 2, 2, 1])}), CALIBRATION)


@pytest.mark.parametrize(
    "calibration",
    [np.diag([0.2, 0.2, 0.0, 1.0]), np.full((4, 4), np.nan), np.eye(3), np.diag([1.0, 1, 1, 2])],
    ids=["singular", "NaN", "3 x 3", "last row"],
)
def test_an_unusable_calibration_is_refused(tmp_path: Path, calibration: np.ndarray) -> None:
    with pytest.raises(InputError, match="calibration"):
        read_sweep(written(tmp_path, {"ProbeToReference": rigid(1)}), calibration)

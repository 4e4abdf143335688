"""What a tracker says of the frames' poses: jitter, frames never received, frames without a valid pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..draws import Draws
from ..geometry import rotation
from .trajectory import Poses


@dataclass(frozen=True)
class Rigid:
    """A rigid motion: rotation vector in radians, then translation in mm."""

    turn: tuple[float, float, float]
    offset: tuple[float, float, float]

    def matrix(self) -> npt.NDArray[np.float64]:
        """Homogeneous, (4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation(self.turn), self.offset
        return matrix


@dataclass(frozen=True)
class Tracking:
    """Lengths in mm, angles in radians."""

    jitter: float  # standard deviation of a frame's measured position, an axis
    turn_jitter: float  # of its orientation
    dropped: float  # share of the frames that never arrive
    lost: float  # share of the frames whose tools are not seen
    rate: float  # frames a second
    marker: Rigid  # frame to the probe's marker
    tracker: Rigid  # Reference to tracker
    seed: int


@dataclass(frozen=True)
class TrackedFrames:
    """Which of the frames arrived, and with which poses; all matrices in RAS mm.

    ``image_to_probe`` (4, 4) is the calibration; ``probe_to_tracker`` and ``reference_to_tracker`` (M, 4, 4) are as the
    tracker reports them; ``valid`` (M,); ``received`` (M,) the numbers of the frames among all N; ``timestamps`` (M,)
    in seconds.
    """

    image_to_probe: npt.NDArray[np.float64]
    probe_to_tracker: Poses
    reference_to_tracker: Poses
    valid: npt.NDArray[np.bool_]
    received: npt.NDArray[np.intp]
    timestamps: npt.NDArray[np.float64]

    def image_to_reference(self) -> Poses:
        """Pixels (column, row, 0, 1) to the Reference frame by the tracker's word, (M, 4, 4)."""
        return np.linalg.inv(self.reference_to_tracker) @ self.probe_to_tracker @ self.image_to_probe


def draw_tracking(draws: Draws) -> Tracking:
    """Draw an optical tracker's set-up and its faults."""
    rng = draws.rng
    return Tracking(
        jitter=draws.reserved(0.02, 0.3),
        turn_jitter=draws.reserved(0.0002, 0.003),
        dropped=float(rng.choice([0, rng.uniform(0, 0.08)])),
        lost=float(rng.choice([0, rng.uniform(0, 0.05)])),
        rate=rng.uniform(8, 30),
        marker=Rigid(_vector(rng, 0.5), _vector(rng, 15, (0, -120, 30))),
        tracker=Rigid(_vector(rng, 1.0), _vector(rng, 200, (0, 0, -1400))),
        seed=int(rng.integers(2**31)),
    )


def _vector(
    rng: np.random.Generator, spread: float, middle: tuple[float, float, float] = (0, 0, 0)
) -> tuple[float, float, float]:
    x, y, z = (np.asarray(middle) + rng.normal(0, spread, 3)).tolist()
    return x, y, z


def track(tracking: Tracking, image_to_reference: Poses, image_to_frame: npt.NDArray[np.float64]) -> TrackedFrames:
    """Measure the true poses (N, 4, 4) of frames; a frame whose tools are not seen keeps the last pose reported.

    Args:
        tracking: the tracker's set-up.
        image_to_reference: pixels to RAS mm, true.
        image_to_frame: (4, 4), pixels to mm in the frame's plane.
    """
    rng = np.random.default_rng(tracking.seed)
    count = len(image_to_reference)
    arrives = rng.random(count) >= tracking.dropped
    seen = rng.random(count) >= tracking.lost
    seen[0] = True
    image_to_probe = tracking.marker.matrix() @ image_to_frame
    reference_to_tracker = tracking.tracker.matrix()
    measured = reference_to_tracker @ _shaken(tracking, rng, image_to_reference) @ np.linalg.inv(image_to_probe)
    last_seen = np.maximum.accumulate(np.where(seen, np.arange(count), 0))
    received = np.flatnonzero(arrives)
    return TrackedFrames(
        image_to_probe,
        measured[last_seen][received],
        np.tile(reference_to_tracker, (len(received), 1, 1)),
        seen[received],
        received,
        received / tracking.rate,
    )


def _shaken(tracking: Tracking, rng: np.random.Generator, poses: Poses) -> Poses:
    """Poses with a small random rigid motion each, about the image's first pixel."""
    shaken = poses.copy()
    turns = rng.normal(0, tracking.turn_jitter, (len(poses), 3))
    shaken[:, :3, 3] += rng.normal(0, tracking.jitter, (len(poses), 3))
    shaken[:, :3, :3] = np.stack([rotation(turn) for turn in turns]) @ poses[:, :3, :3]
    return shaken

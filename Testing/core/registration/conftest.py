"""A smooth random scene that can be sampled exactly on any grid, so that tests know the truth without interpolating."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk

Scene = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Intensities of about unit variance for (..., 3) points in mm: 30 waves of 12 to 50 mm."""
    rng = np.random.default_rng(3)
    waves = rng.normal(size=(30, 3))
    waves *= (2 * np.pi / rng.uniform(12, 50, size=(30, 1))) / np.linalg.norm(waves, axis=1, keepdims=True)
    phases, amplitudes = rng.uniform(0, 2 * np.pi, 30), rng.normal(size=30) / np.sqrt(15)
    return lambda points: np.cos(points @ waves.T + phases) @ amplitudes


@pytest.fixture(scope="session")
def sample(scene: Scene) -> Callable[..., sitk.Image]:
    """An image of the scene on a grid centred on `centre`; `pose` maps the grid's points to the scene's."""

    def image(
        size: tuple[int, int, int],
        spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
        direction: np.ndarray | None = None,
        centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
        pose: sitk.Transform | None = None,
        contrast: Callable[[np.ndarray], np.ndarray] = lambda x: x,
    ) -> sitk.Image:
        direction = np.eye(3) if direction is None else direction
        matrix = direction * np.array(spacing)
        origin = np.array(centre) - matrix @ ((np.array(size) - 1) / 2)
        index = np.stack(np.meshgrid(*map(np.arange, size[::-1]), indexing="ij"), -1)[..., ::-1]
        points = index @ matrix.T + origin
        if pose is not None:
            p0 = np.array(pose.TransformPoint((0.0, 0.0, 0.0)))
            columns = np.array([pose.TransformPoint(unit) for unit in np.eye(3).tolist()]) - p0
            points = points @ columns + p0
        result = sitk.GetImageFromArray(contrast(scene(points)).astype(np.float32))
        result.SetSpacing(spacing)
        result.SetOrigin(origin.tolist())
        result.SetDirection(direction.ravel().tolist())
        return result

    return image

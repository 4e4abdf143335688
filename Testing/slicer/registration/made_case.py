"""A case that several tests register: an ultrasound, synthetic images as if made of it, and MRs that lie elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from mmhvae.settings import SynthesisSettings
from MMHVAERegistrationLib.pose.result_transform import local_to, parts
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras, parent_to_world
from MMHVAESynthesisLib.nodes.volume_files import FileImage
from MMHVAESynthesisLib.synthesis.installed_bundles import weights_checksum
from MMHVAESynthesisLib.synthesis.request import Request
from MMHVAESynthesisLib.synthesis.results import Provenance, ReadResults, input_fingerprints, store
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..made_nodes import pose, rotation, volume, vtk_matrix

Matrix = NDArray[np.float64]
Size = tuple[int, int, int]

US_SIZE, MR_SIZE, MR_SPACING = (56, 54, 52), (80, 76, 84), 1.25
HEAD = 75.0  # mm, its radius
_STEP = 2.5  # mm between the anatomy's random numbers


class Anatomy:
    """A head of smooth blobs, the contrasts alike but not equal, known everywhere in the patient's own frame, mm."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shared, own = rng.standard_normal((64, 64, 64)), rng.standard_normal((4, 64, 64, 64))
        self._values = {}
        for name, noise in zip(("us", "t2", "cet1", "flair"), own, strict=True):
            smooth = ndimage.gaussian_filter(shared + 0.5 * noise * (name != "us"), 1.6)
            self._values[name] = (smooth - smooth.min()) / np.ptp(smooth)

    def on(self, name: str, place: Matrix, size: Size) -> NDArray[np.float32]:
        """Voxels (k, j, i) in [0, 1] of a contrast, on a grid that ``place`` (4, 4) takes to the patient's frame."""
        k, j, i = np.meshgrid(*[np.arange(count) for count in reversed(size)], indexing="ij")
        points = np.stack([i, j, k], -1) @ place[:3, :3].T + place[:3, 3]
        values = ndimage.map_coordinates(self._values[name], np.moveaxis(points / _STEP + 31.5, -1, 0), order=1)
        return np.where(np.linalg.norm(points, axis=-1) < HEAD, values, 0).astype(np.float32)


@lru_cache(maxsize=4)
def anatomy_of(seed: int) -> Anatomy:
    """Made once for the tests that follow each other: it takes longer than most of them."""
    return Anatomy(seed)


def rigid(seed: int, mm: float = 4.0, degrees: float = 4.0) -> Matrix:
    """(4, 4), a turn of so many degrees and a shift of so many mm, in directions drawn by the seed."""
    axis, shift = np.random.default_rng(seed).standard_normal((2, 3))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    matrix[:3, 3] = mm * shift / np.linalg.norm(shift)
    return matrix


def grid(seed: int, spacing: float, size: Size, left_handed: bool) -> Matrix:
    """(4, 4) of an oblique grid about its frame's origin."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(seed, left_handed) * spacing
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    return matrix


@dataclass
class RegistrationCase:
    """The nodes of a case.

    Attributes:
        ultrasound, mrs: volume nodes, the latter by contrast.
        world: (4, 4), the registration that is right: from where the MRs are shown to where they belong.
        frame: (4, 4), from the patient's frame as the ultrasound sees it to the world.
    """

    ultrasound: Any
    mrs: dict[str, Any]
    world: Matrix
    frame: Matrix


def make_case(
    seed: int = 0,
    names: tuple[str, ...] = ("t2",),
    moved: Matrix | None = None,
    above_ultrasound: Any = None,
    above_mr: Any = None,
    left_handed: bool = False,
    shown: dict[str, str] | None = None,
) -> RegistrationCase:
    """Nodes in the scene: an ultrasound, what a perfect model would make of it, and displaced MRs.

    Args:
        seed: of the anatomy, of the grids and of where in the world it all lies.
        names: contrasts.
        moved: the registration that is right, in the patient's frame; by default 4 mm and 4 degrees.
        above_ultrasound, above_mr: transform nodes that the nodes lie under, or None.
        left_handed: whether the grids are.
        shown: contrasts that are in truth another one.
    """
    anatomy, frame = anatomy_of(seed), pose(seed + 50)
    world = frame @ (rigid(seed) if moved is None else moved) @ np.linalg.inv(frame)
    us_grid = grid(seed + 1, 1.0, US_SIZE, left_handed)
    fan = _fan()
    speckle = np.random.default_rng(seed).normal(0, 0.02, fan.shape)
    echoes = np.where(fan, 20 + 200 * np.clip(anatomy.on("us", us_grid, US_SIZE) + speckle, 0, 1), 0)
    ultrasound = _add(echoes.astype(np.float32), frame @ us_grid, above_ultrasound, "iUS before resection")
    images = {name: np.where(fan, anatomy.on(name, us_grid, US_SIZE), 0).astype(np.float32) for name in names}
    _store(ultrasound, images, frame @ us_grid)
    mrs = {}
    for number, name in enumerate(names):
        place = grid(seed + 7 + number, MR_SPACING, MR_SIZE, left_handed)
        array = 1000 * anatomy.on((shown or {}).get(name, name), place, MR_SIZE)
        mrs[name] = _add(array, np.linalg.inv(world) @ frame @ place, above_mr, f"MR {name}")
    return RegistrationCase(ultrasound, mrs, world, frame)


def _add(array: NDArray[np.float32], place: Matrix, above: Any, name: str) -> Any:
    """A volume that ``place`` (4, 4) takes to the world, whatever transform it lies under."""
    node = volume(array, name=name)
    node.SetAndObserveTransformNodeID(above.GetID() if above is not None else None)
    node.SetIJKToRASMatrix(vtk_matrix(np.linalg.inv(parent_to_world(node)) @ place))
    return node


def _fan() -> NDArray[np.bool_]:
    axes = np.meshgrid(*[np.linspace(-1, 1, count) for count in reversed(US_SIZE)], indexing="ij")
    inside: NDArray[np.bool_] = np.linalg.norm(axes, axis=0) < 0.95
    return inside


SETTINGS = SynthesisSettings(samples=1)


def _store(ultrasound: Any, images: dict[str, NDArray[np.float32]], place: Matrix) -> None:
    """As an Apply of MMHVAESynthesis would: the registration finds them in the scene, and uses them."""
    request = Request({"us": ultrasound}, None, "", "", tuple(images), "starter", "cpu", SETTINGS)
    files = {name: FileImage(array, place) for name, array in images.items()}
    made = Provenance(
        "starter", weights_checksum("starter"), "cpu", SynthesisSettings(samples=1), "", input_fingerprints(request)
    )
    store(request, ReadResults(files, {}, None, ijk_to_ras(ultrasound), "", 1.0, "cpu"), made)


def set_world(result: Any, world: Matrix) -> None:
    """Move everything to the registration ``world``."""
    for part in parts(result):
        part.SetMatrixTransformToParent(vtk_matrix(local_to(part, world)))

"""One simulated case: anatomy, tumour, sweep, and the images made of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from .anatomy import Label, Warp, build_anatomy, draw_warp, label_map, template_points, template_values
from .contrasts import CLINICAL, Contrast, draw_contrast, render_contrast
from .cortex import Cortex, draw_cortex
from .geometry import sample
from .probe import Probe, beams, draw_probe, volume_grid
from .template import COARSE, load_template
from .tumour import Tumour, draw_tumour
from .ultrasound import Ultrasound, draw_ultrasound, render_ultrasound


@dataclass(frozen=True)
class CaseParameters:
    """Everything drawn for one case."""

    seed: int
    spacing: float
    warp: Warp
    cortex: Cortex
    tumour: Tumour | None
    probe: Probe
    contrasts: dict[str, Contrast]
    ultrasound: Ultrasound


@dataclass(frozen=True)
class SimulatedCase:
    """A co-registered case; the same LPS point is the same anatomy in every image.

    ``us`` (grey levels 0..255, 0 outside the field of view), ``t2``, ``cet1``, ``flair`` (float32), ``labels``
    (:class:`Label`, uint8) and ``field_of_view`` (uint8) share one oblique isotropic grid, turned against the
    probe's axes as reconstructed volumes are. ``preop`` holds the same MRs brain-sized on the 1 mm anatomical grid,
    ``preop_tumour`` the labels OEDEMA, TUMOUR_CORE and ENHANCING_RIM there. ``parameters`` is plain JSON.
    """

    us: sitk.Image
    t2: sitk.Image
    cet1: sitk.Image
    flair: sitk.Image
    labels: sitk.Image
    field_of_view: sitk.Image
    preop: dict[str, sitk.Image]
    preop_tumour: sitk.Image
    parameters: dict[str, Any]


def simulate_case(seed: int, spacing: float = 0.5, tumour: bool | None = None) -> SimulatedCase:
    """Draw and render the case of ``seed``; the same arguments give the same case bit by bit.

    :param spacing: of the ultrasound's grid, mm
    :param tumour: with or without one; None draws it, half of the cases have one
    """
    return render_case(draw_case(seed, spacing, tumour))


def draw_case(seed: int, spacing: float = 0.5, tumour: bool | None = None) -> CaseParameters:
    """Draw the parameters of a case."""
    rng = np.random.default_rng(seed)
    warp, cortex = draw_warp(rng), draw_cortex(rng)
    present = bool(rng.random() < 0.5)
    centre, face, direction = _draw_approach(rng, warp)
    lesion = draw_tumour(rng, (float(centre[0]), float(centre[1]), float(centre[2])))
    return CaseParameters(
        seed=seed,
        spacing=spacing,
        warp=warp,
        cortex=cortex,
        tumour=lesion if (present if tumour is None else tumour) else None,
        probe=draw_probe(rng, face, direction),
        contrasts={modality: draw_contrast(rng, modality) for modality in CLINICAL},
        ultrasound=draw_ultrasound(rng),
    )


def _draw_approach(
    rng: np.random.Generator, warp: Warp
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A target in supratentorial white matter, the point of the hull above it, and the way from there to it."""
    grid = load_template().grid
    world = grid.points(COARSE)
    mapped = template_points(warp, world)
    values = template_values(mapped)
    eligible = (values["white"] > 0.5) & (values["depth"] > 9) & (values["depth"] < 34)
    eligible &= (mapped[..., 2] > -8) & (np.abs(mapped[..., 0]) > 12)
    candidates = world[eligible]
    centre = candidates[rng.integers(len(candidates))].astype(np.float64)
    outward = centre - world[values["depth"] > 20].mean(0) + [0, 0, 6]
    outward = outward / np.linalg.norm(outward) + rng.normal(0, 0.22, 3)
    outward[2] = max(outward[2], -0.1)
    outward /= np.linalg.norm(outward)
    path = np.asarray(centre + np.arange(0, 90, 0.5)[:, None] * outward, np.float32)
    depth = sample(values["depth"][None], grid.indices(path) / np.float32(COARSE), "border")[0]
    leaves = int(np.argmax(depth < rng.uniform(-0.5, 4.0)))
    around = path[leaves] + 6 * np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    deeper = sample(values["depth"][None], grid.indices(around) / np.float32(COARSE), "border")[0]
    normal = deeper[:3] - deeper[3:]  # of the hull, inwards: the face lies flat on the brain
    aim = 0.7 * normal / max(np.linalg.norm(normal), 1e-6) - 0.3 * outward + rng.normal(0, 0.1, 3)
    return centre, path[leaves].astype(np.float64), aim / np.linalg.norm(aim)


def render_case(parameters: CaseParameters) -> SimulatedCase:
    """Make the images of drawn parameters."""
    anatomy = build_anatomy(parameters.warp, parameters.cortex, parameters.tumour)
    probe, mr_grid = parameters.probe, anatomy.grid
    grid = volume_grid(probe, beams(probe, parameters.spacing), parameters.spacing)
    us, inside = render_ultrasound(parameters.ultrasound, probe, anatomy, grid)
    preop = {name: render_contrast(contrast, anatomy.shares) for name, contrast in parameters.contrasts.items()}
    index = mr_grid.indices(grid.points())
    small = {name: grid.image(sample(image[None], index)[0]) for name, image in preop.items()}
    lesion = label_map(anatomy.shares)
    lesion[(lesion < Label.OEDEMA) | (lesion > Label.ENHANCING_RIM)] = Label.OUTSIDE
    return SimulatedCase(
        us=grid.image(us),
        t2=small["t2"],
        cet1=small["cet1"],
        flair=small["flair"],
        labels=grid.image(label_map(sample(anatomy.shares, index))),
        field_of_view=grid.image(inside.astype(np.uint8)),
        preop={name: mr_grid.image(image) for name, image in preop.items()},
        preop_tumour=mr_grid.image(lesion),
        parameters=asdict(parameters),
    )

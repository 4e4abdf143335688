"""One simulated case: anatomy, tumour, a tracked sweep over a craniotomy, and the images made of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.sweep import Sweep, reconstruct

from .acquisition import Acquisition, Poses, TrackedFrames, acquire, draw_acquisition, volume_grid, with_grain
from .anatomy import Anatomy, build_anatomy
from .brain_shift import BrainShift, draw_brain_shift, preoperative_points, shift_transform
from .contrasts import CLINICAL, Contrast, draw_contrast, render_contrast
from .cortex import Cortex, draw_cortex
from .craniotomy import Brain, aimed_at_ventricle, draw_craniotomy, template_brain
from .deformation import Warp, draw_warp
from .draws import Draws
from .geometry import Array, sample
from .lesions import Cyst, Tumour, draw_cyst, draw_site, draw_tumour, visibility
from .real_head import RealHead, head_brain, real_anatomy
from .real_lesion import HeadUse, draw_lesion, recoloured, targets_for, with_invented
from .tissues import Label, label_map

#: Share of the cases with a tumour (few, lest a network sees tumours everywhere), and of the others with a cyst.
_TUMOUR, _CYST = 0.4, 0.12


@dataclass(frozen=True)
class CaseParameters:
    """Everything drawn for one case."""

    seed: int
    spacing: float
    held_out: bool
    head: HeadUse | None  # the real head, or None for the template
    warp: Warp
    cortex: Cortex | None  # drawn for the template
    tumour: Tumour | None  # an invented one
    cyst: Cyst | None  # one that belongs to no tumour
    acquisition: Acquisition
    brain_shift: BrainShift | None
    contrasts: dict[str, Contrast]


@dataclass(frozen=True)
class SimulatedCase:
    """A case whose images ``us`` to ``field_of_view`` show the same anatomy at the same LPS point.

    ``us`` (grey levels 0..255, float32, 0 outside the field of view), ``t2``, ``cet1``, ``flair`` (float32), ``labels``
    (:class:`Label`, uint8) and ``field_of_view`` (uint8) share one oblique isotropic grid, turned against the
    probe's axes as reconstructed volumes are. ``preop`` holds the same MRs brain-sized on the 1 mm anatomical grid,
    ``preop_tumour`` the labels OEDEMA, TUMOUR_CORE and ENHANCING_RIM there; ``to_preop`` takes LPS points of the
    sweep to them: the identity, or brain shift.

    ``us`` was reconstructed from ``sweep``, whose Reference is the anatomical world in RAS mm. ``tracked`` holds what a
    sequence file says of its frames (calibration, probe and reference before the tracker),
    ``true_image_to_reference`` (M, 4, 4) where they truly lay. ``parameters`` is plain JSON.
    """

    us: sitk.Image
    t2: sitk.Image
    cet1: sitk.Image
    flair: sitk.Image
    labels: sitk.Image
    field_of_view: sitk.Image
    preop: dict[str, sitk.Image]
    preop_tumour: sitk.Image
    to_preop: sitk.Transform
    sweep: Sweep
    tracked: TrackedFrames
    true_image_to_reference: Poses
    parameters: dict[str, Any]


def simulate_case(
    seed: int,
    spacing: float = 0.5,
    tumour: bool | None = None,
    *,
    held_out: bool = False,
    brain_shift: bool = False,
    at_ventricle: bool = False,
    head: RealHead | None = None,
) -> SimulatedCase:
    """Draw and render the case of ``seed``; the same arguments give the same case bit by bit.

    Args:
        seed: of everything.
        spacing: of the ultrasound's grid, mm; the frames are as fine as it asks for.
        tumour: with or without one; None draws it.
        held_out: draw anatomy and acquisition settings that no training case ever has.
        brain_shift: let the brain sink between the pre-operative images and the sweep.
        at_ventricle: aim the sweep at the nearest ventricle.
        head: a real head to warp, recolour and sweep over instead of the template.
    """
    if head is None:
        drawn = draw_case(seed, spacing, tumour, held_out=held_out, brain_shift=brain_shift)
        brain = template_brain(drawn.warp) if at_ventricle else None
    else:
        drawn, brain = draw_real_case(head, seed, spacing, tumour, held_out=held_out, brain_shift=brain_shift)
    if at_ventricle and brain is not None:
        drawn = replace(drawn, acquisition=aimed_at_ventricle(drawn.acquisition, brain))
    return render_case(drawn, head)


def draw_case(
    seed: int, spacing: float = 0.5, tumour: bool | None = None, *, held_out: bool = False, brain_shift: bool = False
) -> CaseParameters:
    """Draw the parameters of a case; to ask for a tumour or brain shift changes nothing else that is drawn."""
    rng, sweep_rng, shift_rng = (np.random.default_rng((seed, n)) for n in range(3))
    warp, cortex = draw_warp(rng, held_out=held_out), draw_cortex(rng, held_out=held_out)
    present = bool(rng.random() < _TUMOUR) if tumour is None else tumour
    brain = template_brain(warp)
    centre, face, direction = draw_craniotomy(rng, brain, brain.healthy)
    site = draw_site(rng, face, centre)
    lesion, cyst = draw_tumour(rng, site, held_out=held_out), draw_cyst(rng, site, held_out=held_out)
    cystic = bool(rng.random() < _CYST)
    shift = draw_brain_shift(Draws(shift_rng, held_out), face, direction)
    return CaseParameters(
        seed=seed,
        spacing=spacing,
        held_out=held_out,
        head=None,
        warp=warp,
        cortex=cortex,
        tumour=lesion if present else None,
        cyst=cyst if cystic and not present else None,
        acquisition=draw_acquisition(Draws(sweep_rng, held_out), face, direction),
        brain_shift=shift if brain_shift else None,
        contrasts={modality: draw_contrast(rng, modality, held_out=held_out) for modality in CLINICAL},
    )


def draw_real_case(
    head: RealHead,
    seed: int,
    spacing: float = 0.5,
    tumour: bool | None = None,
    *,
    held_out: bool = False,
    brain_shift: bool = False,
) -> tuple[CaseParameters, Brain]:
    """Draw the parameters of a case over a real head, and the warped brain they were planned by."""
    rng, sweep_rng, shift_rng = (np.random.default_rng((seed, n)) for n in range(3))
    warp = draw_warp(rng, held_out=held_out)
    brain, solid, lesion = head_brain(head, warp)
    kind = draw_lesion(rng, tumour)
    centre, face, direction = draw_craniotomy(rng, brain, targets_for(kind, brain, solid, lesion), kind == "own")
    invented = draw_tumour(rng, draw_site(rng, face, centre), held_out=held_out)
    shift = draw_brain_shift(Draws(shift_rng, held_out), face, direction)
    drawn = CaseParameters(
        seed=seed,
        spacing=spacing,
        held_out=held_out,
        head=HeadUse(head.name, kind),
        warp=warp,
        cortex=None,
        tumour=invented if kind == "invented" else None,
        cyst=None,
        acquisition=draw_acquisition(Draws(sweep_rng, held_out), face, direction),
        brain_shift=shift if brain_shift else None,
        contrasts={modality: draw_contrast(rng, modality, held_out=held_out) for modality in CLINICAL},
    )
    return drawn, brain


def render_case(parameters: CaseParameters, head: RealHead | None = None) -> SimulatedCase:
    """Make the images of drawn parameters, of the template or of a real ``head``."""
    if head is not None:
        anatomy, images = real_anatomy(head, parameters.warp)
        if parameters.tumour is not None:
            images = with_invented(parameters.tumour, anatomy, images)
        preop = {name: recoloured(parameters.contrasts[name], anatomy.shares, images[name], name) for name in images}
        return acquire_case(parameters, anatomy, preop)
    assert parameters.cortex is not None
    anatomy = build_anatomy(parameters.warp, parameters.cortex, parameters.tumour, parameters.cyst)
    preop = {name: render_contrast(contrast, anatomy.shares) for name, contrast in parameters.contrasts.items()}
    return acquire_case(parameters, anatomy, preop)


def acquire_case(parameters: CaseParameters, anatomy: Anatomy, preop: dict[str, Array]) -> SimulatedCase:
    """Sweep over an anatomy, whatever its origin, and cut its MRs (maps on the anatomy's grid) to the sweep."""
    spacing, shift, mr_grid = parameters.spacing, parameters.brain_shift, anatomy.grid

    def index(points: Array) -> Array:
        return mr_grid.indices(points if shift is None else preoperative_points(shift, points))

    acquired = acquire(parameters.acquisition, spacing, lambda points: sample(anatomy.shares, index(points)))
    grid = volume_grid(parameters.acquisition, spacing)
    like, compounding = grid.image(np.zeros(grid.shape, np.uint8)), parameters.acquisition.compounding
    volume = reconstruct(acquired.sweep, grid=like, compounding=compounding, fill_holes=True)
    inside = sitk.GetArrayViewFromImage(volume.field_of_view)
    levels = sitk.GetArrayFromImage(volume.volume).astype(np.float32) * inside
    beam = grid.direction.T @ np.asarray(parameters.acquisition.trajectory.direction)
    us = with_grain(parameters.acquisition.grain, levels, spacing, beam)
    places = index(grid.points())
    seen = sample(anatomy.shares, places)
    small = {name: grid.image(sample(image[None], places)[0]) for name, image in preop.items()}
    lesion = label_map(anatomy.shares)
    lesion[(lesion < Label.OEDEMA) | (lesion > Label.ENHANCING_RIM)] = Label.OUTSIDE
    return SimulatedCase(
        us=grid.image(us),
        t2=small["t2"],
        cet1=small["cet1"],
        flair=small["flair"],
        labels=grid.image(label_map(seen)),
        field_of_view=grid.image(inside.astype(np.uint8)),
        preop={name: mr_grid.image(image) for name, image in preop.items()},
        preop_tumour=mr_grid.image(lesion),
        to_preop=shift_transform(shift, volume.volume),
        sweep=acquired.sweep,
        tracked=acquired.tracked,
        true_image_to_reference=acquired.true_image_to_reference,
        parameters=asdict(parameters) | {"visibility": visibility(us, seen, inside > 0, spacing)},
    )

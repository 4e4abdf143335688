"""What is kept of a registration: its transform and a page, in a folder that is written whole or not at all.

Nothing that names the patient is in it unless that is asked for: images go by their role, landmarks by their number,
and no path is told.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from mmhvae import InputError, __version__
from mmhvae.files import whole_folder, write_text
from mmhvae.images import MODALITIES, flip_ras_lps, inverse, to_euler, write_transform
from MMHVAESynthesisLib.nodes import FLIP, Matrix, ijk_to_world
from slicer.i18n import tr as _

from ..compare import outlined
from ..panel import error_text, moved_text, reason_text, word
from ..pose import Outcome, Pairs, pairs_from
from .figures import pictures
from .page import Landmarks, Picture, Report, report_page
from .pdf import write_pdf

#: Names of the files in the folder.
PAGE, SHEET, TRANSFORMS = "report.html", "report.pdf", ("us-to-mr.tfm", "us-to-mr.h5")


@dataclass(frozen=True)
class Subject:
    """What the record is about.

    Attributes:
        parameters: of the panel.
        ultrasound: as a volume node, or None.
        mrs: modality -> volume node.
        shown: the MR of the figures, or None.
        world: (4, 4), the registration in use: from where navigation shows the MRs to where they are, RAS mm.
        outcome: in use, or waiting; None where the pose was set by hand.
        is_pending: whether the outcome waits, and nothing was moved by it.
        has_names: whether names of patient, images and landmarks are wanted.
    """

    parameters: Any
    ultrasound: Any
    mrs: dict[str, Any]
    shown: Any
    world: Matrix
    outcome: Outcome | None
    is_pending: bool
    has_names: bool


def save_record(subject: Subject, parent: Path, now: datetime) -> Path:
    """Write a new folder into ``parent``.

    Returns:
        The folder.

    Raises:
        InputError: the folder cannot be written to or is full, or what it is about cannot be told.
    """
    report = report_of(subject, now)
    page = report_page(report, _)
    transform = us_to_mr(subject)
    folder = _free_name(parent, f"registration-{now:%Y-%m-%d-%H%M%S}")
    text = _("The record cannot be written to {folder}; choose a folder that can be written to and has room.")
    if not parent.is_dir():  # it was chosen, and has gone since
        raise InputError(text.format(folder=parent))
    try:
        with whole_folder(folder) as unfinished:
            write_text(page, unfinished / PAGE)
            write_pdf(report, unfinished / SHEET, _)
            for name in TRANSFORMS:
                write_transform(transform, unfinished / name)
    except InputError as error:
        raise InputError(text.format(folder=parent)) from error
    return folder


def _free_name(parent: Path, name: str) -> Path:
    number, folder = 1, parent / name
    while os.path.lexists(folder):
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def us_to_mr(subject: Subject) -> sitk.Euler3DTransform:
    """Points of the ultrasound -> points of the MR as the navigation shows it, both in world coordinates, LPS mm."""
    centre = np.zeros(3)
    if subject.ultrasound is not None:
        size = subject.ultrasound.GetImageData().GetDimensions()
        middle = np.array([*((n - 1) / 2 for n in size), 1.0])
        centre = (FLIP @ ijk_to_world(subject.ultrasound) @ middle)[:3]
    return to_euler(flip_ras_lps(inverse(subject.world)), centre)


def report_of(subject: Subject, now: datetime) -> Report:
    """What the page says.

    Raises:
        InputError: a transform bends one of the images, or the landmarks do not match.
    """
    outcome, drawn = subject.outcome, _pictures(subject)
    return Report(
        made=f"{now:%Y-%m-%d %H:%M}",
        verdict=outcome.verdict if outcome is not None else "",
        word=word(outcome.verdict) if outcome is not None else _("BY HAND"),
        error=error_text(outcome) if outcome is not None else _("expected error unknown"),
        reason=reason_text(outcome) if outcome is not None else _("This pose was set by hand; nothing has judged it."),
        moved=moved_text(outcome, subject.is_pending, subject.has_names) if outcome is not None else "",
        calibration=_("Trust was judged by simulations; no calibration on patients exists."),
        pictures=drawn,
        legend=_legend(subject, drawn),
        landmarks=_landmarks(subject),
        named=_named(subject) if subject.has_names else (),
        details=_details(subject),
    )


def _pictures(subject: Subject) -> list[Picture]:
    if subject.ultrasound is None:
        return []
    plans = [node for node in outlined(subject.parameters) if node.IsA("vtkMRMLSegmentationNode")]
    return pictures(subject.ultrasound, subject.shown, plans, not np.array_equal(subject.world, np.eye(4)))


def _legend(subject: Subject, drawn: list[Picture]) -> str:
    if not drawn:
        return _("No figure: the ultrasound has no volume.")
    lines = _(
        "Dashed orange: outline of the plan as navigation shows it. Solid blue: after registration. White bar: 10 mm."
    )
    if subject.shown is None:
        return lines
    contrast = next((MODALITIES[name].name for name, node in subject.mrs.items() if node is subject.shown), "")
    return lines + " " + _("MR: {contrast}; grey line: edge of the ultrasound.").format(contrast=contrast)


def _landmarks(subject: Subject) -> Landmarks | None:
    pairs: Pairs | None = pairs_from(subject.parameters, subject.world)
    if pairs is None:
        return None
    names = pairs.names if subject.has_names else [str(number + 1) for number in range(len(pairs.names))]
    return Landmarks(names, pairs.errors(np.eye(4)).tolist(), pairs.errors(subject.world).tolist())


def _named(subject: Subject) -> list[tuple[str, str]]:
    patient = patient_name([subject.ultrasound, *subject.mrs.values()])
    rows = [(_("Patient"), patient or _("not known to 3D Slicer"))]
    if subject.ultrasound is not None:
        rows.append((_("Ultrasound"), subject.ultrasound.GetName()))
    return [*rows, *((MODALITIES[name].name, node.GetName()) for name, node in subject.mrs.items())]


def patient_name(nodes: list[Any]) -> str:
    """The patient's name from DICOM, as the subject hierarchy has it above one of the nodes; "" where there is none."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    for node in nodes:
        item = hierarchy.GetItemByDataNode(node) if node is not None else 0
        while item and item != hierarchy.GetSceneItemID():
            name = hierarchy.GetItemAttribute(item, "DICOM.PatientName")
            if name:
                return str(name)
            item = hierarchy.GetItemParent(item)
    return ""


def _details(subject: Subject) -> list[tuple[str, str]]:
    outcome = subject.outcome
    rows = [(_("Images"), _images(subject))]
    if outcome is not None:
        rows.append((_("Method"), _method(outcome)))
        rows.append((_("Model"), outcome.bundle or _("none took part")))
        if outcome.bundle:
            rows.append((_("Weights (SHA-256)"), outcome.weights_sha256 or _("unknown")))
    versions = f"MMHVAE {__version__}, 3D Slicer {slicer.app.applicationVersion} ({slicer.app.revision})"
    versions += f", SimpleITK {sitk.Version.VersionString()}, Python {platform.python_version()}"
    rows.append((_("Versions"), versions))
    text = _("{files}: points of the ultrasound to points of the MR as navigation shows it, world, LPS, mm.")
    rows.append((_("Transform"), text.format(files=", ".join(TRANSFORMS))))
    return rows


def _images(subject: Subject) -> str:
    contrasts = ", ".join(MODALITIES[name].name for name in subject.mrs)
    text = _("pre-operative {contrasts} onto the ultrasound").format(contrasts=contrasts)
    if subject.ultrasound is None:
        return text
    size, spacing = subject.ultrasound.GetImageData().GetDimensions(), subject.ultrasound.GetSpacing()
    voxels = " x ".join(str(n) for n in size)
    millimetres = " x ".join(f"{s:.2g}" for s in spacing)
    return text + _(" ({voxels} voxels of {millimetres} mm)").format(voxels=voxels, millimetres=millimetres)


def _method(outcome: Outcome) -> str:
    text = _("directly to the ultrasound (LC2)") if outcome.is_direct else _("through synthetic MR (MMHVAE)")
    similarity = _("similarity {before:.3f} before, {after:.3f} after").format(
        before=outcome.similarity_before, after=outcome.similarity_after
    )
    took = _("{seconds:.1f} s on {device}").format(seconds=outcome.seconds, device=outcome.device or "?")
    preview = [_("preview")] if outcome.preview else []
    return "; ".join([text, *preview, similarity, took])

"""A segmentation from a file into the scene, beside the pre-operative MR, and how it is shown."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from mmhvae.images import chosen_nifti_form, nifti_question, read_information
from mmhvae.overlays import is_dicom, read_segmentation
from slicer.i18n import tr as _

#: What a file dialog offers.
KINDS = "*.seg.nrrd *.nrrd *.nhdr *.nii *.nii.gz *.mha *.mhd *.dcm"
#: Segments of this colour were given none by their file: it would not be seen on ultrasound.
GREY = (0.5, 0.5, 0.5)
#: Told apart by colour-blind eyes too (Okabe and Ito).
PALETTE = ((0.90, 0.62, 0.0), (0.34, 0.71, 0.91), (0.0, 0.62, 0.45), (0.94, 0.89, 0.26), (0.80, 0.47, 0.65))
FILL, OUTLINE_PIXELS, OPACITY_3D = 0.2, 2, 0.6
_DICOM_READER = "DICOMSegmentationPlugin"


def load_overlay(path: Path, mr: Any) -> list[Any]:
    """Load a segmentation and show it, in 2-D and 3-D.

    Args:
        path: `.seg.nrrd`, a label map (NRRD, NIfTI, MHA), or DICOM SEG.
        mr: the volume on which it was drawn; it is put under the same transform. None: under no transform.

    Returns:
        The segmentation nodes, of which a DICOM file may hold several.

    Raises:
        InputError: the file cannot be read as a segmentation; nothing is left in the scene. A NIfTI file that says two
            things about its place is loaded; :func:`.nodes.question_of` tells.
    """
    if is_dicom(path):
        nodes = _load_dicom(path)
    else:
        _check(path)
        nodes = [_load(path)]
    uncoloured = not is_dicom(path) and not holds_colours(path)
    for node in nodes:
        if mr is not None:
            node.SetAndObserveTransformNodeID(mr.GetTransformNodeID())
        show_overlay(node, uncoloured)
    return nodes


def _check(path: Path) -> None:
    """Say in a sentence what is wrong, where Slicer's reader would in its log; where it lies is asked once it is seen.

    Raises:
        InputError: that.
    """
    question = nifti_question(path)
    with chosen_nifti_form(next(iter(question.places), None) if question is not None else None):
        read_segmentation(path)


def holds_colours(path: Path) -> bool:
    """Whether the file says what colour a segment has; where it does not, Slicer draws one by lot."""
    keys = read_information(path).GetMetaDataKeys()
    return any(key.startswith("Segment") and key.endswith("_Color") for key in keys)


def _load(path: Path) -> Any:
    try:
        return slicer.util.loadSegmentation(str(path))
    except RuntimeError as error:
        text = _("Slicer cannot read {file} as a segmentation; save it as .seg.nrrd.")
        raise InputError(text.format(file=path.name)) from error


def _load_dicom(path: Path) -> list[Any]:
    """DICOM SEG, by the reader that an extension brings; Slicer's own database is not touched."""
    if _DICOM_READER not in getattr(slicer.modules, "dicomPlugins", {}):
        raise InputError(
            _(
                "{file} is DICOM, and the reader of DICOM segmentations is not installed: install the extension"
                " QuantitativeReporting, or save the segmentation as .seg.nrrd."
            ).format(file=path.name)
        )
    refused = InputError(
        _("{file} holds no segmentation that can be read; choose a DICOM SEG file.").format(file=path.name)
    )
    try:
        nodes = _dicom_nodes(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise refused from error
    found = [node for node in nodes if node.IsA("vtkMRMLSegmentationNode")]
    for node in nodes:
        if node not in found:
            slicer.mrmlScene.RemoveNode(node)
    if not found:
        raise refused
    return found


def _dicom_nodes(path: Path) -> list[Any]:
    """What Slicer's DICOM readers make of a file."""
    from DICOMLib import DICOMUtils

    loaded: list[str] = []
    with tempfile.TemporaryDirectory() as folder, DICOMUtils.TemporaryDICOMDatabase() as database:
        shutil.copy(path, folder)
        DICOMUtils.importDicom(folder, database)
        for patient in database.patients():
            loaded += DICOMUtils.loadPatientByUID(patient)
    nodes = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in loaded]
    return [node for node in nodes if node is not None]


def show_overlay(node: Any, uncoloured: bool) -> None:
    """Outline and light fill in slices, a closed surface in 3-D, in colours that can be told apart.

    Args:
        node: the segmentation.
        uncoloured: its segments' colours come from no file and no person.
    """
    node.CreateDefaultDisplayNodes()
    _colour(node.GetSegmentation(), uncoloured)
    node.CreateClosedSurfaceRepresentation()
    display = node.GetDisplayNode()
    display.SetVisibility(True)
    display.SetVisibility2DOutline(True)
    display.SetVisibility2DFill(True)
    display.SetOpacity2DFill(FILL)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(OUTLINE_PIXELS)
    display.SetOpacity3D(OPACITY_3D)


def _colour(segmentation: Any, uncoloured: bool) -> None:
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        if uncoloured or np.allclose(segment.GetColor(), GREY):
            segment.SetColor(*PALETTE[index % len(PALETTE)])

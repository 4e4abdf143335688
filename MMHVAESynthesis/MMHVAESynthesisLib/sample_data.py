"""The demo case in Slicer's Sample Data: a simulated tracked sweep, and pre-operative MR that brain shift displaced.

Everything comes with the extension, so nothing is downloaded; the files are verified all the same. Sample Data's button
calls :func:`load_demo_case`; a script's ``SampleData.downloadSample("MMHVAEDemo")`` calls no function of ours, so that
every file is described well enough for Sample Data to load it by itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from mmhvae import InputError
from mmhvae.bundle import demo_case
from mmhvae.images import MODALITIES, MR_MODALITIES
from slicer.i18n import tr as _

CATEGORY, SAMPLE = "MMHVAE", "MMHVAEDemo"
CHECKSUMS = "checksums.json"
SWEEP, CALIBRATION = "sweep.igs.mha", "image-to-probe.txt"
#: Of oedema, core and rim: told apart by colour-blind eyes, and from grey images (Okabe and Ito, 2008).
TUMOUR_COLOURS = ((0.34, 0.71, 0.91), (0.80, 0.47, 0.65), (0.84, 0.37, 0.0))
_CONTRASTS = MR_MODALITIES
_TUMOUR = "preop-tumour.nii.gz"
#: Pairs in the same order: where they are in the ultrasound, and where the navigation shows them in the MR.
_US_LANDMARKS, _MR_LANDMARKS = "landmarks.mrk.json", "preop-landmarks.mrk.json"


@dataclass(frozen=True)
class _File:
    """A file of the sample, as Sample Data wants to hear of it; one without a type is a path to the caller."""

    name: str
    node: str
    type: str = ""


def _files() -> list[_File]:
    """The nodes in the order in which they are loaded, and then what this extension reads by itself."""
    volumes = [_File(f"preop-{name}.nii.gz", _title(name), "VolumeFile") for name in _CONTRASTS]
    points = zip((_US_LANDMARKS, _MR_LANDMARKS), landmark_names(), strict=True)
    return [
        *volumes,
        _File(_TUMOUR, _("Demo tumour (simulated)"), "SegmentationFile"),
        *(_File(file, title, "MarkupsFile") for file, title in points),
        _File(SWEEP, _("Demo sweep (simulated)")),
        _File(CALIBRATION, _("Demo calibration (simulated)")),
    ]


def _title(contrast: str) -> str:
    return _("Demo pre-operative {contrast} (simulated)").format(contrast=MODALITIES[contrast].name)


def landmark_names() -> tuple[str, str]:
    """The names of the demo's two lists of points: in the ultrasound, and in the MR."""
    return _("Demo landmarks in the ultrasound (simulated)"), _("Demo landmarks in the MR (simulated)")


def register_sample_data() -> None:
    """Offer the demo case in the module Sample Data, where that module is there."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    folder, files = demo_case(), _files()
    checksums = _checksums(folder)
    icon = Path(__file__).parent.parent / "Resources" / "Icons" / "MMHVAESynthesis.png"
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris=[(folder / file.name).as_uri() for file in files],
        fileNames=[f"{SAMPLE}-{file.name}" for file in files],  # in a cache that all samples share
        nodeNames=[file.node for file in files],  # what has none is not loaded
        loadFiles=[bool(file.type) for file in files],
        loadFileType=[file.type or None for file in files],
        checksums=[f"SHA256:{checksums[file.name]}" for file in files],
        thumbnailFileName=str(icon) if icon.is_file() else None,
        customDownloader=load_demo_case,
    )


def _checksums(folder: Path) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in json.loads((folder / CHECKSUMS).read_text()).items()}


def load_demo_case(source: Any = None) -> list[Any]:
    """Load the MRs, the tumour's outline and both lists of landmarks, and choose the sweep in MMHVAESynthesis.

    Args:
        source: Sample Data's own description of the sample, which is not needed.

    Returns:
        The loaded nodes; none where the case is damaged, which the user was told.
    """
    folder = demo_case()
    try:
        verify(folder)
    except InputError as error:
        slicer.util.errorDisplay(str(error))
        return []
    nodes = [_load(folder, file) for file in _files() if file.type]
    _choose_sweep(folder)
    slicer.util.setSliceViewerLayers(background=nodes[0], fit=True)  # so that the user sees that something came
    return nodes


def verify(folder: Path) -> None:
    """Compare every file with its checksum.

    Raises:
        InputError: one is missing or altered.
    """
    for name, expected in _checksums(folder).items():
        file = folder / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise InputError(
                _("The demo case's file {name} is missing or damaged; install MMHVAE again.").format(name=name)
            )


def _load(folder: Path, file: _File) -> Any:
    if file.name == _TUMOUR:
        return _load_tumour(folder / file.name, file.node)
    return slicer.util.loadNodeFromFile(str(folder / file.name), file.type, {"name": file.node, "show": False})


def _load_tumour(path: Path, title: str) -> Any:
    """The outline as a segmentation, by way of a label map."""
    labels = slicer.util.loadLabelVolume(str(path), {"show": False})
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", title)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(labels)
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    slicer.mrmlScene.RemoveNode(labels)
    segmentation = node.GetSegmentation()
    names = _("oedema"), _("tumour core"), _("enhancing rim")  # in the order of the labels
    for index, (name, colour) in enumerate(zip(names, TUMOUR_COLOURS, strict=True)):
        if index < segmentation.GetNumberOfSegments():
            segmentation.GetNthSegment(index).SetName(name)
            segmentation.GetNthSegment(index).SetColor(*colour)  # Slicer draws them by lot, some nearly invisible
    return node


def _choose_sweep(folder: Path) -> None:
    parameters = slicer.util.getModuleLogic("MMHVAESynthesis").getParameterNode()
    parameters.calibration = str(folder / CALIBRATION)
    parameters.sweepPath = str(folder / SWEEP)

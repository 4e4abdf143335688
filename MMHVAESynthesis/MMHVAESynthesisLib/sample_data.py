"""The demo case in Slicer's Sample Data: a simulated tracked sweep, and pre-operative MR that brain shift displaced.

Everything comes with the extension, so nothing is downloaded; the files are verified all the same.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import slicer
from mmhvae import InputError
from mmhvae.bundle import demo_case
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

CATEGORY, SAMPLE = "MMHVAE", "MMHVAEDemo"
CHECKSUMS = "checksums.json"
SWEEP, CALIBRATION = "sweep.igs.mha", "image-to-probe.txt"
#: Of oedema, core and rim: told apart by colour-blind eyes, and from grey images (Okabe and Ito, 2008).
TUMOUR_COLOURS = ((0.34, 0.71, 0.91), (0.80, 0.47, 0.65), (0.84, 0.37, 0.0))
_TUMOUR, _LANDMARKS = "preop-tumour.nii.gz", "landmarks.mrk.json"


def register_sample_data() -> None:
    """Offer the demo case in the module Sample Data, where that module is there."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    checksums = _checksums(demo_case())
    icon = Path(__file__).parent.parent / "Resources" / "Icons" / "MMHVAESynthesis.png"
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris=[(demo_case() / name).as_uri() for name in checksums],
        fileNames=list(checksums),
        nodeNames=[None] * len(checksums),
        checksums=[f"SHA256:{digest}" for digest in checksums.values()],
        thumbnailFileName=str(icon) if icon.is_file() else None,
        customDownloader=load_demo_case,
    )


def _checksums(folder: Path) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in json.loads((folder / CHECKSUMS).read_text()).items()}


def load_demo_case(source: Any = None) -> list[Any]:
    """Load the MRs, the tumour's outline and the landmarks, and choose the sweep in MMHVAESynthesis.

    Args:
        source: Sample Data's own description of the sample, which is not needed.

    Returns:
        The loaded nodes.
    """
    folder = demo_case()
    try:
        verify(folder)
    except InputError as error:
        slicer.util.errorDisplay(str(error))
        return []
    nodes = [_load_mr(folder, name) for name in ("t2", "cet1", "flair")]
    nodes += [_load_tumour(folder / _TUMOUR), slicer.util.loadMarkups(str(folder / _LANDMARKS))]
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


def _load_mr(folder: Path, name: str) -> Any:
    title = _("Demo pre-operative {contrast} (simulated)").format(contrast=MODALITIES[name].name)
    return slicer.util.loadVolume(str(folder / f"preop-{name}.nii.gz"), {"name": title, "show": False})


def _load_tumour(path: Path) -> Any:
    """The outline as a segmentation, by way of a label map."""
    labels = slicer.util.loadLabelVolume(str(path), {"show": False})
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", _("Demo tumour (simulated)"))
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

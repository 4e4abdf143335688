"""What the segments of a segmentation were when something was made of them: voxels in a few letters, and place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import SimpleITK as sitk
from vtk.util import numpy_support

from .fingerprints import Fingerprint, content
from .segment_labels import flat_labels, label_maps, lattice_to_ras

_LABELS, _SURFACE = "Binary labelmap", "Closed surface"
#: Of each segmentation, by the segment that counts, its state then and what was found.
_known: WeakKeyDictionary[Any, dict[str, tuple[Any, list[Fingerprint]]]] = WeakKeyDictionary()


def segment_fingerprints(node: Any, only: str = "") -> list[Fingerprint]:
    """Of every segment that is not empty, in the node's own coordinates; looked at again only after it changed.

    A segment is its voxels and their place, whatever label, layer and margins they have: saving changes those.

    Args:
        node: the segmentation node.
        only: the ID of the one segment that counts; "" for all.
    """
    segmentation = node.GetSegmentation()
    names = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    segments = [segmentation.GetSegment(name) for name in names if only in ("", name)]
    sources = [segment.GetRepresentation(_LABELS) or segment.GetRepresentation(_SURFACE) for segment in segments]
    state = [
        (part.GetLabelValue(), source and source.GetMTime()) for part, source in zip(segments, sources, strict=True)
    ]
    known = _known.setdefault(node, {})
    if only not in known or known[only][0] != state:
        if segmentation.ContainsRepresentation(_LABELS):
            found = [
                print_
                for maps in label_maps(segmentation, lambda name: only in ("", name))
                for print_ in _labels(*maps)
            ]
        else:
            found = [_surface(source) for source in sources if source is not None and source.GetNumberOfPoints()]
        known[only] = (state, sorted(found, key=lambda print_: (print_.size, print_.content)))
    return known[only][1]


def _labels(labels: Any, values: Iterable[int]) -> list[Fingerprint]:
    array = flat_labels(labels).reshape(labels.GetDimensions()[::-1])
    box: list[slice] = []  # first all of them together, since most of a label map is empty
    for axis in range(3):
        seen = array[tuple(box)].any(axis=tuple(other for other in range(3) if other != axis))
        if not seen.any():
            return []
        box.append(slice(int(seen.argmax()), len(seen) - int(seen[::-1].argmax())))
    crop, to_ras = array[tuple(box)], lattice_to_ras(labels)
    boxes = sitk.LabelShapeStatisticsImageFilter()
    boxes.Execute(sitk.GetImageFromArray(crop.astype(np.int32)))
    found = []
    for value in set(values) & set(boxes.GetLabels()):
        first, size = boxes.GetBoundingBox(value)[:3], boxes.GetBoundingBox(value)[3:]
        mask = crop[tuple(slice(f, f + n) for f, n in zip(first[::-1], size[::-1], strict=True))] == value
        start = np.eye(4)
        start[:3, 3] = [part.start + f for part, f in zip(reversed(box), first, strict=True)]
        found.append(Fingerprint(content(np.packbits(mask)), tuple(size), to_ras @ start))
    return found


def _surface(polygons: Any) -> Fingerprint:
    points = numpy_support.vtk_to_numpy(polygons.GetPoints().GetData())
    return Fingerprint(content(points), (len(points), 1, 1), np.eye(4))

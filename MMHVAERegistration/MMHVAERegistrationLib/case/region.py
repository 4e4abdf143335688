"""A box, a segmentation, or one of its segments, within which the ultrasound is registered; the rest does not count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import (
    FileImage,
    Fingerprint,
    Matrix,
    content,
    label_layers,
    parent_to_world,
    require_known_place,
    segment_fingerprints,
    to_array,
)
from numpy.typing import NDArray
from slicer.i18n import tr as _

BOX, SEGMENTATION, SEGMENT = "box", "segmentation", "segment"


@dataclass(frozen=True)
class Region:
    """What the user chose.

    Attributes:
        node: a ROI or a segmentation node.
        segment: the ID of the one segment that counts; "" for all.
    """

    node: Any
    segment: str = ""

    @property
    def kind(self) -> str:
        """What it is: it names no patient, unlike :attr:`name`."""
        if self.node.IsA("vtkMRMLMarkupsROINode"):
            return BOX
        return SEGMENT if self.segment else SEGMENTATION

    @property
    def name(self) -> str:
        """As the user knows it."""
        node = str(self.node.GetName())
        if self.kind != SEGMENT:
            return node
        segment = self.node.GetSegmentation().GetSegment(self.segment)
        return _("{segment} of {node}").format(segment=segment.GetName(), node=node)

    def check(self) -> None:
        """Refuse what marks nothing.

        Raises:
            InputError: it shows no segment, its segment is gone, its file says two things about where it lies, or a
                transform bends it.
        """
        parent_to_world(self.node)
        require_known_place(self.node)
        if self.kind == BOX:
            return
        segmentation = self.node.GetSegmentation()
        if not segmentation.GetNumberOfSegments():
            raise InputError(
                _("{name} has no segment; choose another region, or none.").format(name=self.node.GetName())
            )
        if self.segment and segmentation.GetSegment(self.segment) is None:
            raise InputError(
                _("The segment of {name} that was chosen is gone; choose another one.").format(name=self.node.GetName())
            )

    def fingerprints(self) -> list[Fingerprint]:
        """What it is now, box or segments, and where in world coordinates.

        Raises:
            InputError: as :meth:`check`.
        """
        self.check()
        if self.kind == BOX:
            size = np.round(self.node.GetSize(), 3)
            return [Fingerprint(content(size), tuple(map(int, np.ceil(size))), _place_of_box(self.node))]
        above = parent_to_world(self.node)
        found = segment_fingerprints(self.node, self.segment)
        return [replace(print_, place=above @ print_.place) for print_ in found]

    def mask_on(self, image: FileImage) -> FileImage:
        """The voxels of ``image``, whose place is in the world, whose middle lies within: uint8, 0 or 1.

        Raises:
            InputError: there is none.
        """
        self.check()
        shape = image.array.shape
        if self.kind == BOX:
            inside = _in_box(np.linalg.inv(_place_of_box(self.node)) @ image.ijk_to_ras, self.node.GetSize(), shape)
        else:
            inside = np.zeros(shape, bool)
            to_node = np.linalg.inv(parent_to_world(self.node)) @ image.ijk_to_ras
            for layer in label_layers(self.node, lambda name: self.segment in ("", name)):
                inside |= _in_labels(layer.array, np.linalg.inv(layer.ijk_to_ras) @ to_node, shape)
        if not (inside & (image.array != 0)).any():
            text = _("None of the ultrasound lies within {region}; choose another region, or none.")
            raise InputError(text.format(region=self.name))
        return FileImage(inside.astype(np.uint8), image.ijk_to_ras)


def _place_of_box(node: Any) -> Matrix:
    return to_array(node.GetObjectToWorldMatrix())


def _in_box(to_box: Matrix, size: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(k, j, i) whether indices lie within a box of so many mm about its own middle."""
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    inside = np.ones(shape, bool)
    for row, length in zip(to_box[:3], size, strict=True):
        inside &= np.abs(row[0] * i + row[1] * j + row[2] * k + row[3]) <= length / 2
    return inside


def _in_labels(array: NDArray[Any], to_labels: Matrix, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(k, j, i) whether the nearest voxel of a label map is not 0; ``to_labels`` takes indices to its own."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_labels[:3, :3].ravel().tolist())
    transform.SetTranslation(to_labels[:3, 3].tolist())
    grid = sitk.Image([int(n) for n in reversed(shape)], sitk.sitkUInt8)
    labels = sitk.GetImageFromArray((array != 0).astype(np.uint8))
    found = sitk.GetArrayFromImage(sitk.Resample(labels, grid, transform, sitk.sitkNearestNeighbor, 0))
    inside: NDArray[np.bool_] = found > 0
    return inside

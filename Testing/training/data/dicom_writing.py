"""Images -> DICOM as the archive has ReMIND's: files of one slice, enhanced ultrasound, segmentations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR, ENHANCED_US, SEG = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.6.2", "1.2.840.10008.5.1.4.1.1.66.4"


def file_of(kind: str, **attributes) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    for name, value in attributes.items():
        setattr(content, name, value)
    return content


def save(content: FileDataset, folder: Path, number: int = 1) -> Path:
    path = folder / content.StudyInstanceUID[-8:] / content.SeriesInstanceUID / f"1-{number:03d}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    content.save_as(path, enforce_file_format=True)
    return path


def of(**attributes) -> Dataset:
    content = Dataset()
    for name, value in attributes.items():
        setattr(content, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return content


def text(values) -> list[str]:
    return [f"{v:.8f}" for v in values]


def pixels(content: FileDataset, array: np.ndarray) -> None:
    bits = array.dtype.itemsize * 8
    content.Rows, content.Columns = array.shape[-2:]
    content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
    content.BitsAllocated, content.BitsStored, content.HighBit = bits, bits, bits - 1
    content.PixelRepresentation = int(array.dtype.kind == "i")
    content.PixelData = array.tobytes()


def placement(image: sitk.Image) -> tuple[list[float], list[float]]:
    """Six cosines, and spacing between rows, then columns."""
    direction, spacing = np.reshape(image.GetDirection(), (3, 3)), image.GetSpacing()
    return [*direction[:, 0], *direction[:, 1]], [spacing[1], spacing[0]]


def position(image: sitk.Image, k: int) -> tuple[float, ...]:
    return image.TransformIndexToPhysicalPoint([0, 0, k])


def write_slices(image: sitk.Image, folder: Path, change=lambda content, k: content, **attributes) -> list[Path]:
    """A file a slice; ``change`` may alter one, or give None to leave it out."""
    series = {"Modality": "MR", "SeriesInstanceUID": generate_uid(), **attributes}
    cosines, spacing = placement(image)
    array, paths = sitk.GetArrayFromImage(image), []
    for k in range(len(array)):
        content = file_of(MR, **series, InstanceNumber=k + 1, SliceThickness=text(image.GetSpacing())[2])
        content.ImagePositionPatient, content.ImageOrientationPatient = text(position(image, k)), text(cosines)
        content.PixelSpacing = text(spacing)
        pixels(content, array[k])
        changed = change(content, k)
        if changed is not None:
            paths.append(save(changed, folder, (k * 7) % len(array) + 1 if len(array) % 7 else k + 1))  # in no order
    return paths


def write_ultrasound(image: sitk.Image, folder: Path, **attributes) -> Path:
    """One enhanced file of all frames, in the coordinates of its volume."""
    cosines, spacing = placement(image)
    array = sitk.GetArrayFromImage(image)
    series = {"Modality": "US", "SeriesInstanceUID": generate_uid(), **attributes}
    content = file_of(ENHANCED_US, **series, NumberOfFrames=len(array))
    content.SharedFunctionalGroupsSequence = [
        of(
            PixelMeasuresSequence=of(PixelSpacing=text(spacing), SliceThickness=text(image.GetSpacing())[2]),
            PlaneOrientationVolumeSequence=of(ImageOrientationVolume=cosines),
        )
    ]
    content.PerFrameFunctionalGroupsSequence = [
        of(PlanePositionVolumeSequence=of(ImagePositionVolume=list(position(image, k)))) for k in range(len(array))
    ]
    pixels(content, array)
    return save(content, folder)


def write_segmentation(masks: dict[str, sitk.Image], folder: Path, reference: str, **attributes) -> Path:
    """One file of all segments, a bit a voxel; slices that hold nothing are left out."""
    image = next(iter(masks.values()))
    cosines, spacing = placement(image)
    series = {"Modality": "SEG", "SeriesInstanceUID": generate_uid(), **attributes}
    content = file_of(SEG, **series, SegmentationType="BINARY")
    content.ReferencedSeriesSequence = [of(SeriesInstanceUID=reference)]
    measures = of(PixelSpacing=text(spacing), SpacingBetweenSlices=text(image.GetSpacing())[2])
    orientation = of(ImageOrientationPatient=text(cosines))
    content.SharedFunctionalGroupsSequence = [of(PixelMeasuresSequence=measures, PlaneOrientationSequence=orientation)]
    content.SegmentSequence = [of(SegmentNumber=n, SegmentLabel=label) for n, label in enumerate(masks, start=1)]
    frames, groups = [], []
    for n, mask in enumerate(masks.values(), start=1):
        for k, frame in enumerate(sitk.GetArrayFromImage(mask)):
            if frame.any():
                frames.append(frame)
                place = of(ImagePositionPatient=text(position(image, k)))
                segment = of(ReferencedSegmentNumber=n)
                groups.append(of(PlanePositionSequence=place, SegmentIdentificationSequence=segment))
    content.PerFrameFunctionalGroupsSequence = groups
    pixels(content, np.array(frames, np.uint8))
    content.NumberOfFrames = len(frames)
    content.BitsAllocated, content.BitsStored, content.HighBit = 1, 1, 0
    packed = np.packbits(np.array(frames, np.uint8).ravel(), bitorder="little").tobytes()
    content.PixelData = packed + b"\0" * (len(packed) % 2)
    return save(content, folder)

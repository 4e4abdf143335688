"""Files that a library would read wrongly, in part, or by a guess, each made by code; and the words of the refusal."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk

Maker = Callable[[Path], Path]
SIZE = (14, 16, 12)


def speckle(kind: type = np.uint8) -> np.ndarray:
    array = np.random.default_rng(0).integers(1, 250, SIZE[::-1]).astype(kind)
    array[:, :, :3] = 0  # there is background
    return array


def grey(kind: type = np.uint8) -> sitk.Image:
    image = sitk.GetImageFromArray(speckle(kind))
    image.SetOrigin([-8.3, 91.0, 32.4])
    image.SetDirection([-1, 0, 0, 0, -1, 0, 0, 0, 1])
    return image


def written(folder: Path, name: str, image: sitk.Image | None = None) -> Path:
    path = folder / name
    sitk.WriteImage(grey() if image is None else image, str(path))
    return path


def label_map() -> sitk.Image:
    """Two segments on the grid of :func:`grey`, neither of which reaches its edges."""
    array = np.zeros(SIZE[::-1], np.uint8)
    array[3:8, 4:12, 5:9], array[5:7, 6:8, 9:12] = 1, 2
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(grey())
    return image


def spaced(spacing: float) -> sitk.Image:
    """The label map, of a program that counts in another unit."""
    image = label_map()
    image.SetSpacing([spacing] * 3)
    return image


def nifti(folder: Path, image: sitk.Image | None = None, **fields: object) -> Path:
    """A NIfTI-1 file with fields of its header replaced; see ``PLACES``."""
    path = written(folder, "x.nii", image)
    content = bytearray(path.read_bytes())
    for name, value in fields.items():
        place, kind = PLACES[name]
        struct.pack_into(f"<{kind}", content, place, *np.atleast_1d(value).tolist())
    path.write_bytes(bytes(content))
    return path


PLACES = {
    "qform_code": (252, "h"), "sform_code": (254, "h"), "qoffset_x": (268, "f"), "srow": (280, "12f"),
    "pixdim": (80, "3f"), "units": (123, "B"), "magic": (344, "4B"),
}  # fmt: skip


def rows(scale: float = 1.0, mirror: float = 1.0, shear: float = 0.0, shift: float = 0.0) -> list[float]:
    """An sform's rows, in RAS; as :func:`grey` lies where nothing is given."""
    matrix = np.array([[mirror * scale, shear, 0, 8.3 + shift], [0, scale, 0, -91.0], [0, 0, scale, 32.4]])
    return matrix.ravel().tolist()


def nrrd(folder: Path, *lines: str, place: str = "RAS") -> Path:
    path = folder / "x.nrrd"
    sizes = " ".join(map(str, SIZE))
    directions = ["space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (8,-91,32)"]
    known = [f"space: {place}", *directions] if place else []
    head = ["NRRD0004", "type: uint8", "dimension: 3", f"sizes: {sizes}", "encoding: raw", *known, *lines, "", ""]
    path.write_bytes("\n".join(head).encode() + speckle().tobytes())
    return path


def meta(folder: Path, **changed: str) -> Path:
    path = folder / "x.mha"
    fields = {"ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False"}
    fields |= {"TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "1 2 3", "ElementSpacing": "1 1 1"}
    fields |= changed | {"DimSize": " ".join(map(str, SIZE)), "ElementType": "MET_UCHAR", "ElementDataFile": "LOCAL"}
    text = "".join(f"{name} = {value}\n" for name, value in fields.items() if value)
    path.write_bytes(text.encode() + speckle().tobytes())
    return path


def sheared(folder: Path, name: str) -> Path:
    image = grey()
    directions = np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]])
    image.SetDirection((directions / np.linalg.norm(directions, axis=0)).ravel().tolist())
    return written(folder, name, image)


def cine(folder: Path) -> Path:
    """DICOM of many frames: the third axis is time."""
    image = sitk.GetImageFromArray(speckle())
    image.SetMetaData("0008|0060", "US")
    image.SetMetaData("0008|0016", "1.2.840.10008.5.1.4.1.1.3.1")
    return written(folder, "x.dcm", image)


def altered(folder: Path, name: str) -> Path:
    """One byte of packed voxels is another."""
    path = folder / name
    sitk.WriteImage(grey(), str(path), True)
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 255
    path.write_bytes(content)
    return path


def bytes_in(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def swollen(path: Path) -> Path:
    """Bytes came in between, so that the addresses behind them are wrong."""
    content = path.read_bytes()
    path.write_bytes(content[:2000] + bytes(range(40)) + content[2000:])
    return path


def nifti_2(folder: Path) -> Path:
    nibabel.save(nibabel.Nifti2Image(speckle().transpose(), np.eye(4)), folder / "x.nii.gz")
    return folder / "x.nii.gz"


def pipe(folder: Path, name: str) -> Path:
    """Whoever opens it waits for a writer who never comes."""
    if not hasattr(os, "mkfifo"):  # a device then, which is no file either
        return Path(os.devnull)
    os.mkfifo(folder / name)
    return folder / name


#: No image is to be read from these, at any entrance.
IMAGES: dict[str, tuple[Maker, str]] = {
    "mirrored forms": (lambda d: nifti(d, sform_code=2, srow=rows(mirror=-1)), "disagree by"),
    "moved sform": (lambda d: nifti(d, sform_code=2, srow=rows(shift=-20)), "disagree by 20.0 mm"),
    "moved by more than half a voxel": (lambda d: nifti(d, sform_code=1, srow=rows(shift=0.6)), "disagree by 0.6 mm"),
    "sform of half the size": (lambda d: nifti(d, qform_code=0, srow=rows(0.5)), "0.5 x 0.5 x 0.5 mm by its sform"),
    "sform of twice the size": (lambda d: nifti(d, qform_code=0, srow=rows(2.0)), "1 x 1 x 1 mm by its pixdim"),
    "neither form": (lambda d: nifti(d, qform_code=0, sform_code=0), "does not say where its voxels lie"),
    "sheared sform": (lambda d: nifti(d, qform_code=0, srow=rows(shear=0.3)), "Resample Scalar/Vector/DWI Volume"),
    "sform of NaN": (lambda d: nifti(d, sform_code=1, srow=[np.nan] * 12), "holds numbers that are none"),
    "metres": (lambda d: nifti(d, units=1), "another unit"),
    "a negative spacing": (lambda d: nifti(d, sform_code=1, srow=rows(), pixdim=[-1, 1, 1]), "with its voxels of -1 x"),
    "NIfTI-2": (lambda d: nifti_2(d), "such as NIfTI-2"),
    "Analyze": (lambda d: nifti(d, magic=[0, 0, 0, 0], qform_code=0, sform_code=0), "Analyze"),
    "0 bytes": (lambda d: bytes_in(d, "x.nii.gz", b""), "cut off"),
    "1 byte": (lambda d: bytes_in(d, "x.nii.gz", b"\x1f"), "cut off"),
    "347 bytes": (lambda d: bytes_in(d, "x.nii", written(d, "y.nii").read_bytes()[:347]), "cut off"),
    "NRRD of nothing": (lambda d: nrrd(d, place=""), "no voxel spacing"),
    "NRRD of spacings alone": (lambda d: nrrd(d, "spacings: 1 1 1", place=""), "where left is"),
    "NRRD of a scanner": (lambda d: nrrd(d, place="scanner-xyz"), "where left is"),
    "NRRD in cm": (lambda d: nrrd(d, 'space units: "cm" "cm" "cm"'), "is in cm"),
    "NRRD without a position": (
        lambda d: nrrd(d, "space: RAS", "space directions: (1,0,0) (0,1,0) (0,0,1)", place=""), "no position",
    ),
    "NRRD over time": (lambda d: nrrd(d, "kinds: domain domain time"), "an axis that is time"),
    "NRRD over frames": (lambda d: nrrd(d, 'labels: "x" "y" "frame"'), "an axis that is time"),
    "sheared NRRD": (lambda d: sheared(d, "x.nrrd"), "sheared"),
    "sheared MHA": (lambda d: sheared(d, "x.mha"), "Resample Scalar/Vector/DWI Volume"),
    **{f"MHA of {n} dimensions": (lambda d, n=n: meta(d, NDims=n), "cannot be read as") for n in ("-1", "100", "1e3")},
    "MHA without a spacing": (lambda d: meta(d, ElementSpacing=""), "no voxel spacing"),
    "MHA with a negative spacing": (lambda d: meta(d, ElementSpacing="-1 1 1"), "no voxel spacing above 0"),
    "MHA without an orientation": (lambda d: meta(d, TransformMatrix=""), "where left is"),
    "MHA without a position": (lambda d: meta(d, Offset=""), "no position"),
    "MHA at NaN": (lambda d: meta(d, Offset="nan 2 3"), "no position"),
    "MHA in micrometres": (lambda d: meta(d, DistanceUnits="um"), "is in um"),
    "MHA of long directions": (lambda d: meta(d, TransformMatrix="2 0 0 0 1 0 0 0 1"), "directions"),
    "MHA with a slope": (lambda d: meta(d, ElementToIntensityFunctionSlope="-1"), "scale of its grey values"),
    "altered voxels in NRRD": (lambda d: altered(d, "x.nrrd"), "damaged"),
    "altered voxels in MHA": (lambda d: altered(d, "x.mha"), "damaged"),
    "altered voxels in NIfTI": (lambda d: altered(d, "x.nii.gz"), "damaged"),
    "bytes that came into HDF5": (lambda d: swollen(written(d, "x.h5")), "cannot be read as an image"),
    "a sweep": (lambda d: meta(d, Seq_Frame0000_Status="OK"), "third axis is time"),
    "DICOM cine": (cine, "is DICOM"),
    "TIFF": (lambda d: written(d, "x.tif"), "TIFF"),
    "VTK": (lambda d: written(d, "x.vtk"), "VTK"),
    "GIPL": (lambda d: written(d, "x.gipl"), "GIPL"),
    "a folder": (lambda d: d, "folder"),
    "a pipe": (lambda d: pipe(d, "x.nii.gz"), "no ordinary file"),
}  # fmt: skip

_HEAD, _FIXED = "#Insight Transform File V1.0\n", "FixedParameters: 0 0 0\n"
AFFINE = (
    "#Transform {number}\nTransform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 1 {x} {y} 0\n" + _FIXED
)


def text(folder: Path, name: str, content: str) -> Path:
    return bytes_in(folder, name, content.encode())


def several_in_hdf5(folder: Path) -> Path:
    """Two affine transforms side by side: a composite's file with the composite's name taken away."""
    parts = [sitk.TranslationTransform(3, (10.0, 0, 0)), sitk.TranslationTransform(3, (0, 5.0, 0))]
    path = folder / "x.h5"
    sitk.WriteTransform(sitk.CompositeTransform(parts), str(path))
    return path


def transform(folder: Path, name: str, content: sitk.Transform) -> Path:
    sitk.WriteTransform(content, str(folder / name))
    return folder / name


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


TRANSFORMS: dict[str, tuple[Maker, str]] = {
    "two in a row": (
        lambda d: text(d, "x.tfm", _HEAD + AFFINE.format(number=0, x=10, y=0) + AFFINE.format(number=1, x=0, y=5)),
        "holds several transforms",
    ),
    "2-D": (
        lambda d: text(
            d, "x.tfm", _HEAD + "Transform: AffineTransform_double_2_2\nParameters: 1 0 0 1 1 0\nFixedParameters: 0 0\n"
        ),
        "2-D",
    ),
    "a class that SimpleITK cannot hold": (
        lambda d: text(
            d, "x.tfm",
            _HEAD + "Transform: ComposeScaleSkewVersor3DTransform_double_3_3\nParameters: 0 0 0 10 0 0 1 1 1 0 0 0\n"
            + _FIXED,
        ),
        "class",
    ),
    "an unknown class": (
        lambda d: text(d, "x.tfm", _HEAD + "Transform: Strange_double_3_3\nParameters: 1\n" + _FIXED),
        "not a transform that ITK can read",
    ),
    "too few numbers": (
        lambda d: text(d, "x.tfm", _HEAD + "Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0\n" + _FIXED),
        "has 12 numbers",
    ),
    "no numbers": (lambda d: text(d, "x.tfm", _HEAD + "Transform: AffineTransform_double_3_3\n"), "missing"),
    "a decimal comma": (lambda d: text(d, "x.tfm", _HEAD + AFFINE.format(number=0, x="1,5", y=0)), "not a transform"),
    "NaN where ITK writes beyond its memory": (
        lambda d: text(
            d, "x.tfm", _HEAD + "Transform: Euler3DTransform_double_3_3\nParameters: nan 0.2 0.3 4 5 6\n" + _FIXED
        ),
        "not a transform",
    ),
    "NaN": (lambda d: text(d, "x.tfm", _HEAD + AFFINE.format(number=0, x="nan", y=0)), "a transform"),
    "flat": (
        lambda d: text(d, "x.tfm", _HEAD + AFFINE.format(number=0, x=1, y=2).replace("0 0 0 1 1 2", "0 0 0 0 1 2")),
        "flattens space",
    ),
    "kilometres off": (lambda d: text(d, "x.tfm", _HEAD + AFFINE.format(number=0, x=1e308, y=0)), "more than 10 m"),
    "a composite of 2-D": (
        lambda d: transform(d, "x.tfm", sitk.CompositeTransform([sitk.Euler2DTransform()])),
        "2-D transform",
    ),
    "bytes that came into HDF5": (lambda d: swollen(transform(d, "x.h5", sitk.Euler3DTransform())), "not a transform"),
    "2-D in HDF5": (lambda d: transform(d, "x.h5", sitk.Euler2DTransform()), "2-D"),
    "FSL": (lambda d: text(d, "x.mat", "1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"), "not a transform"),
    "JSON": (lambda d: text(d, "x.json", "{}"), "a text of another kind"),
    "cut off HDF5": (lambda d: cut(transform(d, "x.h5", sitk.AffineTransform(3))), "not a transform"),
    "a pipe": (lambda d: pipe(d, "x.tfm"), "There is no transform file"),
    "elastix": (lambda d: text(d, "x.txt", '(Transform "EulerTransform")\n'), "elastix"),
    "MNI": (lambda d: text(d, "x.xfm", "MNI Transform File\n"), "MNI"),
    "numbers alone": (lambda d: text(d, "x.txt", "1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"), "not a transform"),
    "an image": (lambda d: written(d, "x.nii.gz"), "an image"),
    "empty": (lambda d: text(d, "x.tfm", ""), "not a transform"),
    "a folder": (lambda d: d, "no transform file"),
}  # fmt: skip


def markups(folder: Path, name: str, points: object, **more: object) -> Path:
    content = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points} | more]}
    return text(folder, name, json.dumps(content))


def point(label: str, *position: float) -> dict[str, object]:
    return {"label": label, "position": position, "positionStatus": "defined"}


POINTS = [point("A", 0, 0, 0), point("B", 10, 20, 30), point("C", -5, 7, 9)]
SEGMENTATIONS: dict[str, tuple[Maker, str]] = {
    "8-bit ultrasound": (lambda d: written(d, "x.nii.gz"), "an image, it seems"),
    "16-bit MR": (lambda d: written(d, "x.nrrd", sitk.Cast(grey(np.uint16) * 37, sitk.sitkUInt16)), "an image, it"),
    "grey values as floats": (lambda d: written(d, "x.mha", grey(np.float32)), "an image, it seems"),
    "a smooth image": (
        lambda d: written(
            d, "x.nrrd",
            sitk.Cast(sitk.GaussianSource(sitk.sitkFloat32, [40] * 3, [9] * 3, [20] * 3, 250.0), sitk.sitkUInt8),
        ),
        "an image, it seems",
    ),
    **{kind: IMAGES[kind] for kind in ("mirrored forms", "neither form", "NRRD of nothing", "TIFF")},
    "DICOM": (cine, "is DICOM"),
    "a label map in metres": (lambda d: written(d, "x.nrrd", spaced(1e-3)), "correct its voxel spacing, which is in"),
    "a label map in micrometres": (lambda d: written(d, "x.nrrd", spaced(1e3)), "correct its voxel spacing, which is"),
}  # fmt: skip

"""Tracked ultrasound in the sequence files of PLUS, IGSIO and 3D Slicer: `.mha`, `.mhd` with a raw file, `.nrrd`.

Reference coordinates are written into these files as they are, and 3D Slicer takes them as RAS; so do we.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError
from ..files import whole_file
from ..settings import ReconstructionSettings
from .calibration import check_calibration
from .frames import FloatArray, Frames, Sweep
from .header import Header
from .layout import find_layout
from .metaimage import read_metaimage, write_compressed_size, write_metaimage_header
from .nrrd import MAGIC, read_nrrd, write_nrrd_header
from .orientation import check_orientation
from .pixels import open_frames
from .tracking import CoordinateFrames, image_to_reference, timestamps

BoolArray = NDArray[np.bool_]

WRITTEN_SUFFIXES = (".mha", ".nrrd")


def read_sweep(
    path: str | Path,
    image_to_probe: FloatArray | None = None,
    *,
    image: str = ReconstructionSettings.image_frame,
    probe: str = ReconstructionSettings.probe_frame,
    reference: str = ReconstructionSettings.reference_frame,
) -> Sweep:
    """Open a sequence file; its frames are read when they are iterated over.

    Frames come in orientation MF, and pixels are counted in it, whatever spacing the header states. The way from
    ``image`` to ``reference`` is the shortest one through the transforms of the file, their inverses, and the
    calibration; a frame is valid where all of these are (see :func:`mmhvae.sweep.image_to_reference`). No
    other reference is taken in its stead.

    Args:
        path: of an .mha, .mhd or .nrrd file; its content decides which.
        image_to_probe: (4, 4) calibration, pixels to mm; see :func:`mmhvae.sweep.read_calibration`. If
            given, transforms of the image in the file are not used. If not, the file must hold one.
        image: name of the coordinate frame of the pixels.
        probe: name of the one that the calibration leads to.
        reference: name of the one to work in, with the patient; taken as RAS, in mm.

    Raises:
        InputError: the file is no sequence, is damaged, has no tracking, no calibration, or no valid frame. 8-bit
            pixels that are compressed are examined only while they are iterated over, and raise it then.
    """
    if image_to_probe is not None:
        image_to_probe = check_calibration(image_to_probe)
    header, frames = _opened(Path(path))
    names = CoordinateFrames(image, probe, reference)
    poses, valid = image_to_reference(header, len(frames), image_to_probe, names, Path(path).name)
    return Sweep(frames, poses, valid, timestamps(header, len(frames)))


def read_frames(path: str | Path) -> Frames:
    """The images of a sequence file, tracked or not.

    Raises:
        InputError: as for :func:`read_sweep`, but for tracking and calibration.
    """
    return _opened(Path(path))[1]


def _opened(path: Path) -> tuple[Header, Frames]:
    if not os.path.isfile(path):  # Path.is_file raises where a folder is closed to the user or a name too long
        raise InputError(f"There is no sequence file {path}; check its name.")
    try:
        with path.open("rb") as stream:
            is_nrrd = stream.read(len(MAGIC)) == MAGIC
        header = read_nrrd(path) if is_nrrd else read_metaimage(path)
        return header, _open_frames(header, path.name)
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its permissions, or copy it again.") from error


def _open_frames(header: Header, name: str) -> Frames:
    image_type = header.fields.get("ultrasoundimagetype", "BRIGHTNESS").upper()
    if image_type.startswith("RF_"):
        raise InputError(f"{name} holds raw echo data ({image_type}); export the sequence as B-mode images.")
    orientation = check_orientation(header.fields.get("ultrasoundimageorientation", ""))
    return open_frames(header, find_layout(header, name), orientation)


def write_sweep(path: str | Path, sweep: Sweep, *, compress: bool = True) -> None:
    """Write a sweep with ImageToReference for each frame; :func:`read_sweep` gives it back bit for bit.

    Raises:
        InputError: as :func:`write_sequence`.
    """
    write_sequence(
        path,
        sweep.frames,
        {"ImageToReference": sweep.image_to_reference},
        valid={"ImageToReference": sweep.valid},
        timestamps=sweep.timestamps,
        compress=compress,
    )


def write_sequence(
    path: str | Path,
    frames: Frames,
    transforms: Mapping[str, FloatArray],
    *,
    valid: Mapping[str, BoolArray] | None = None,
    timestamps: FloatArray | None = None,
    compress: bool = True,
) -> None:
    """Write frames and the transforms of each as PLUS does, to be read by it, by 3D Slicer and by :func:`read_sweep`.

    Numbers are written with as many digits as they need to come back to the last bit. The file appears under its name
    only when it is complete.

    Args:
        path: ends in .mha or .nrrd.
        frames: N of them, in orientation MF.
        transforms: (N, 4, 4) by the transform's name, such as ``ProbeToTracker``.
        valid: (N,) by the same names, false where the tracker lost it; of those left out, all are.
        timestamps: (N,) seconds; none is written where it is NaN.
        compress: with zlib (.mha) or gzip (.nrrd).

    Raises:
        InputError: the name has another suffix, there are no frames, these differ in size, or the file cannot be
            written.
        ValueError: transforms, states or times are not N.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise InputError(f"{path.name} has no suffix of a sequence that can be written; name it .igs.mha or .igs.nrrd.")
    if len(frames) == 0:
        raise InputError("There are no frames to write; give at least one.")
    is_nrrd = path.suffix.lower() == ".nrrd"
    fields = _frame_fields(len(frames), transforms, valid or {}, timestamps)
    # IGSIO calls the state of the image otherwise in each format.
    fields += [(f"Seq_Frame{n:04d}_{'Status' if is_nrrd else 'ImageStatus'}", "OK") for n in range(len(frames))]
    write = _write_nrrd if is_nrrd else _write_metaimage
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        write(stream, frames, fields, compress)


def _frame_fields(
    count: int, transforms: Mapping[str, FloatArray], valid: Mapping[str, BoolArray], times: FloatArray | None
) -> list[tuple[str, str]]:
    states = {name: np.asarray(valid.get(name, np.ones(count, bool))) for name in transforms}
    times = np.full(count, np.nan) if times is None else times
    for name, matrices in transforms.items():
        if matrices.shape != (count, 4, 4) or states[name].shape != (count,) or times.shape != (count,):
            raise ValueError(f"{name} has the shape {matrices.shape} with {count} frames")
    fields: list[tuple[str, str]] = []
    for number in range(count):
        start = f"Seq_Frame{number:04d}_"
        for name, matrices in transforms.items():
            is_ok = bool(states[name][number] and np.isfinite(matrices[number]).all())
            matrix = matrices[number] if np.isfinite(matrices[number]).all() else np.eye(4)
            fields.append((f"{start}{name}Transform", " ".join(repr(float(value)) for value in matrix.flat)))
            fields.append((f"{start}{name}TransformStatus", "OK" if is_ok else "INVALID"))
        if np.isfinite(times[number]):
            fields.append((f"{start}Timestamp", repr(float(times[number]))))
    return fields


def _write_metaimage(stream: BinaryIO, frames: Frames, fields: list[tuple[str, str]], compress: bool) -> None:
    place = write_metaimage_header(stream, (len(frames), *frames.shape), fields, compress)
    start = stream.tell()
    _write_pixels(stream, frames, zlib.compressobj() if compress else None)
    if compress:
        write_compressed_size(stream, place, stream.tell() - start)


def _write_nrrd(stream: BinaryIO, frames: Frames, fields: list[tuple[str, str]], compress: bool) -> None:
    write_nrrd_header(stream, (len(frames), *frames.shape), fields, compress)
    _write_pixels(stream, frames, zlib.compressobj(wbits=16 + zlib.MAX_WBITS) if compress else None)


def _write_pixels(stream: BinaryIO, frames: Frames, deflater: zlib._Compress | None) -> None:
    written = 0
    for pixels in _checked(frames):
        stream.write(pixels if deflater is None else deflater.compress(pixels))
        written += 1
    if written != len(frames):
        raise InputError(f"There are {written} frames where {len(frames)} were announced; give all of them.")
    if deflater is not None:
        stream.write(deflater.flush())


def _checked(frames: Frames) -> Iterator[bytes]:
    for number, frame in enumerate(frames):
        if frame.shape != frames.shape or frame.dtype != np.uint8:
            raise InputError(
                f"Frame {number} is {frame.shape} of {frame.dtype}, others are {frames.shape} of uint8; give frames of"
                " one size with 8-bit pixels."
            )
        yield frame.tobytes()

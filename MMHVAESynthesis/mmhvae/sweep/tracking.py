"""Poses, status and time of every frame, out of the fields that PLUS writes for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError
from ..settings import ReconstructionSettings
from .chain import Edge, Step, composed, edges_named, find_chain, frames_of
from .frames import FloatArray
from .header import Header
from .matrices import is_calibration, is_rigid, numbers_in

_TRANSFORM = "transform"
_CALIBRATION = "calibration"  # no name that edges_named takes for a transform's, so that none in a file is the same
_IMAGE_STATUS = ("imagestatus", "status")


@dataclass(frozen=True)
class CoordinateFrames:
    """What the three frames of the chain are called; PLUS's names unless its configuration says otherwise."""

    image: str = ReconstructionSettings.image_frame
    probe: str = ReconstructionSettings.probe_frame
    reference: str = ReconstructionSettings.reference_frame


@dataclass(frozen=True)
class _Fields:
    """The fields of one sequence, their names in lower case."""

    name: str
    frames: list[dict[str, str]]

    def column(self, field: str) -> list[str | None]:
        return [fields.get(field) for fields in self.frames]


def image_to_reference(
    header: Header, count: int, calibration: FloatArray | None, names: CoordinateFrames, name: str
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The pose of every frame, and whether it can be relied upon.

    It can where each transform of the chain has status OK or none, is finite, and is rigid (one of the image: not
    flat), and where the image has status OK or none. Those that scale or shear are thus dropped like those that the
    tracker lost; both happen frame by frame.

    Args:
        header: of the sequence.
        count: N, its frames.
        calibration: (4, 4) from image to probe; takes the place of any transform of the image in the file.
        names: of the coordinate frames.
        name: of the file, for errors.

    Returns:
        (N, 4, 4), the identity where not valid, and (N,).

    Raises:
        InputError: there is no tracking, no calibration, no chain, or no frame that can be used.
    """
    fields = _Fields(name, [_lower(header.frame_fields.get(number, {})) for number in range(count)])
    edges = _edges(header)
    if not edges:
        raise InputError(f"{name} holds no tracking; record the sequence with the tracker's transforms in it.")
    if calibration is None:
        chain = _chain(edges, names, name)
    else:
        edges, chain = _calibrated(edges, names, name)
    matrices, valid = _matrices(chain, edges, fields, names, calibration)
    poses = np.broadcast_to(composed(chain, matrices), (count, 4, 4))
    valid = valid & _images_are_ok(fields) & np.isfinite(poses).all((1, 2))
    if not valid.any():
        raise InputError(_no_valid_frame(fields, chain))
    return np.where(valid[:, None, None], poses, np.eye(4)), valid


def timestamps(header: Header, count: int) -> FloatArray:
    """(N,) seconds, NaN where a frame has none."""
    times = np.full(count, np.nan)
    for number, text in enumerate(_lower(header.frame_fields.get(n, {})).get("timestamp") for n in range(count)):
        found = numbers_in(text or "")
        if found:
            times[number] = found[0]
    return times


def _lower(fields: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields.items()}


def _edges(header: Header) -> list[Edge]:
    """One for each transform that any frame has."""
    fields = dict.fromkeys(name for frame in header.frame_fields.values() for name in frame)
    named = [name[: -len(_TRANSFORM)] for name in fields if name.lower().endswith(_TRANSFORM)]
    return [edge for name in named for edge in edges_named(name)]


def _calibrated(edges: list[Edge], names: CoordinateFrames, name: str) -> tuple[list[Edge], list[Step]]:
    """The edges with those of the image replaced by a calibration, and the chain through it."""
    image = names.image.casefold()
    others = [edge for edge in edges if image not in (edge.start.casefold(), edge.end.casefold())]
    calibrated = [*others, Edge(names.image, names.probe, _CALIBRATION)]
    if edges and not others:
        raise InputError(f"{name} holds transforms of its images only; leave the calibration out, they include it.")
    has_probe = find_chain(others, names.probe, names.reference) is not None
    if not has_probe and find_chain(edges, names.image, names.reference) is not None:
        raise InputError(
            f"{name} has no way from {names.probe} to {names.reference}, but that of its images; leave the calibration"
            " out, or name the probe's frame."
        )
    return calibrated, _chain(calibrated, names, name)


def _chain(edges: list[Edge], names: CoordinateFrames, name: str) -> list[Step]:
    chain = find_chain(edges, names.image, names.reference)
    if chain is not None:
        return chain
    known = frames_of(edge for edge in edges if edge.name != _CALIBRATION)
    listed = ", ".join(known)
    if names.reference.casefold() not in {frame.casefold() for frame in known}:
        suggested = "Tracker" if "Tracker" in known else known[-1]
        raise InputError(
            f"{name} has no coordinate frame {names.reference}, only {listed}; name the one to work in as the"
            f" reference frame, for instance {suggested}."
        )
    if find_chain(edges, names.probe, names.reference) is not None:
        raise InputError(
            f"{name} holds no calibration of its images ({names.image}To{names.probe}); give it as a transform file"
            " (.tfm), as 16 numbers, or as a PLUS configuration (.xml)."
        )
    raise InputError(
        f"No transforms in {name} lead from {names.probe} to {names.reference}; it has {listed}: name the probe's and"
        " the reference frame among these."
    )


def _matrices(
    chain: list[Step], edges: list[Edge], fields: _Fields, names: CoordinateFrames, calibration: FloatArray | None
) -> tuple[dict[str, FloatArray], NDArray[np.bool_]]:
    """The transforms of the chain, the identity where one is not valid, and where all of them are."""
    matrices: dict[str, FloatArray] = {}
    valid = np.ones(len(fields.frames), bool)
    for step in chain:
        if step.name == _CALIBRATION and calibration is not None:
            matrices[step.name] = calibration
            continue
        read = _read_matrices(fields, step.name)
        usable = is_calibration(read) if _is_in_pixels(step.name, edges, names) else is_rigid(read)
        usable &= _is_ok(fields.column(f"{step.name.lower()}{_TRANSFORM}status"))
        matrices[step.name] = np.where(usable[:, None, None], read, np.eye(4))
        valid &= usable
    return matrices, valid


def _is_in_pixels(name: str, edges: list[Edge], names: CoordinateFrames) -> bool:
    """Whether a transform is one of the image, or of another frame in pixels (TransducerOriginPixel), and may scale."""
    ends = {end.casefold() for edge in edges if edge.name == name for end in (edge.start, edge.end)}
    return any(end == names.image.casefold() or end.endswith("pixel") for end in ends)


def _read_matrices(fields: _Fields, transform: str) -> FloatArray:
    """(N, 4, 4), NaN where a frame has none."""
    matrices = np.full((len(fields.frames), 16), np.nan)
    for number, text in enumerate(fields.column(f"{transform.lower()}{_TRANSFORM}")):
        if text is None:
            continue
        values = numbers_in(text)
        if values is None or len(values) != 16:
            raise InputError(
                f"{transform} of frame {number} in {fields.name} is not a matrix of 16 numbers; export it again."
            )
        matrices[number] = values
    return matrices.reshape(-1, 4, 4)


def _is_ok(statuses: list[str | None]) -> NDArray[np.bool_]:
    """Whether a status is OK or not given; the tracker has many words for the contrary."""
    return np.array([status is None or status.upper() == "OK" for status in statuses])


def _images_are_ok(fields: _Fields) -> NDArray[np.bool_]:
    ok = np.ones(len(fields.frames), bool)
    for field in _IMAGE_STATUS:
        ok &= _is_ok(fields.column(field))
    return ok


def _no_valid_frame(fields: _Fields, chain: list[Step]) -> str:
    """The sentence for a sequence of which nothing can be used, with the transform that is worst."""
    tracked = {"image": int(_images_are_ok(fields).sum())}
    for step in chain:
        if step.name != _CALIBRATION:
            present = np.isfinite(_read_matrices(fields, step.name)).all((1, 2))
            status = _is_ok(fields.column(f"{step.name.lower()}{_TRANSFORM}status"))
            tracked[step.name] = int((present & status).sum())
    worst = min(tracked, key=lambda name: tracked[name])
    none = f"None of the {len(fields.frames)} frames of {fields.name} can be used"
    if tracked[worst] == len(fields.frames):
        return f"{none}: their transforms scale, shear or are flat; record the tracker's rigid transforms."
    return f"{none}: {worst} is OK in {tracked[worst]} of them; record it again with every marker in sight."

"""Ultrasound image orientation in PLUS's letters, and turning a frame into MF.

The first letter is the probe's direction in which a row of the image runs (+x), the second that of a column (+y):
marked or unmarked side, far from the probe or near it. A third one, ascending or descending, is the elevation of a 3-D
probe and says nothing of a 2-D frame. (PLUS's user manual, "Ultrasound image orientation".)

PLUS calibrates on frames in MF, and turns every frame into MF when it reads one; ImageToProbe thus takes pixels of the
turned frame, and nothing is to be done to it.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..exceptions import InputError

_LATERAL, _AXIAL = "MU", "FN"


def check_orientation(letters: str) -> str:
    """The two letters of a 2-D orientation, upper case; where a file gives none it is MF, as for IGSIO.

    Raises:
        InputError: the letters are not an orientation of a 2-D frame.
    """
    pair = letters.strip().upper() or "MF"
    if len(pair) == 3 and pair[2] in "AD":
        pair = pair[:2]
    if len(pair) != 2 or not any(pair[0] in a and pair[1] in b for a, b in [(_LATERAL, _AXIAL), (_AXIAL, _LATERAL)]):
        raise InputError(
            f"The ultrasound image orientation {letters} is not known; write one of MF, UF, MN, UN, FM, FU, NM or NU"
            " into the file's header."
        )
    return pair


def to_marked_far(frame: NDArray[Any], orientation: str) -> NDArray[Any]:
    """A frame (rows, columns, ...) stored in ``orientation``, as a view in MF: (far, marked, ...)."""
    along_row, along_column = orientation[0], orientation[1]
    if along_row in _AXIAL:
        frame, along_row, along_column = frame.swapaxes(0, 1), along_column, along_row
    if along_row == "U":
        frame = frame[:, ::-1]
    if along_column == "N":
        frame = frame[::-1]
    return frame

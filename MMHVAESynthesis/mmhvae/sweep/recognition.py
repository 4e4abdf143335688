"""Whether a file holds tracked frames or a volume: both come as ``.mha``, ``.mhd`` and ``.nrrd``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..exceptions import InputError

#: Bytes of a file that tell: the header's fields of the first frame, or its axes.
_HEAD = 1 << 16
#: PLUS and IGSIO write fields a frame; Slicer's sequences have an axis of kind "list".
_FRAMES = re.compile(rb"^Seq_Frame\d+_|^kinds:.*\blist\b", re.MULTILINE)


def is_sequence(path: str | Path) -> bool:
    """Whether the file is one for :func:`mmhvae.read_sweep`.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if not os.path.isfile(path):
        raise InputError(f"There is no file {path}; check the path of the ultrasound.")
    try:
        with open(path, "rb") as file:
            return bool(_FRAMES.search(file.read(_HEAD)))
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its permissions, or copy it again.") from error

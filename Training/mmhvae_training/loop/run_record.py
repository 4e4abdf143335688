"""What a run says of itself: ``run.json``, which the bundle made of the run will tell of it, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from ..records import read_json

RUN = "run.json"
Description = dict[str, Any]


def read_run(folder: Path) -> Description:
    """The record of the run in ``folder``: at least its ``commit`` and ``config``.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path, advice = folder / RUN, "restore it, or train again in a new folder."
    if not path.is_file():
        raise InputError(f"{folder} holds no {RUN}; restore it, or give the folder of a training run.")
    described = read_json(path, dict, advice)
    if not isinstance(described.get("commit"), str) or not isinstance(described.get("config"), dict):
        raise InputError(f"{path} does not say how the run was trained; {advice}")
    return described


def spacing_of(folder: Path, described: Description, otherwise: float | None = None) -> float:
    """The spacing (mm) that a run was trained at; ``otherwise`` is that of runs which do not say it.

    Raises:
        InputError: it says none.
    """
    try:
        told = described["config"].get("data", {}).get("spacing", otherwise)
        return float(told)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{folder / RUN} tells no data.spacing; restore it, or give another run.") from error

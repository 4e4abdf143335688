"""How a script ends: 0 done, 2 by what the user gave, 1 by a defect or by work that cannot go on, 130 by Ctrl-C.

Every script imports this file before anything that needs a package: from then on one that is missing, and a torch that
is installed by half, is a sentence. That order is kept by the linter, see ``door`` in ``pyproject.toml``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from mmhvae.commands import Output, complain, open_streams
from mmhvae.exceptions import InputError
from mmhvae.faces import torch_refusal

DONE, DEFECT, INPUT, INTERRUPTED = 0, 1, 2, 130


_OURS = ("mmhvae", "mmhvae_training")
_default_hook = sys.excepthook


class StoppedError(Exception):
    """The work cannot go on, though nothing is wrong with what the user gave: one sentence that says why."""


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script and leave: each failure is one sentence on stderr, but for a defect, which keeps its traceback.

    Standard output may be closed, full, or of an encoding without the letters: the work goes on.
    """
    open_streams()
    output = Output(sys.stdout)
    try:
        with redirect_stdout(output):
            status = status_of(main)
    finally:  # also where the parser of the command line has said all
        output.flush()
    if output.failure is not None and not isinstance(output.failure, BrokenPipeError) and status == DONE:
        _said("The work is done, but standard output takes no text.", DONE)
    sys.exit(status)


def status_of(main: Callable[[], None]) -> int:
    """Run ``main``; its exit status, 1 for :class:`StoppedError`. Any other exception is a defect and goes on."""
    try:
        main()
    except InputError as error:
        return _said(str(error), INPUT)
    except StoppedError as error:
        return _said(str(error), DEFECT)
    except OSError as error:
        # What cannot be written or read for the machine's reasons: full disk, permissions.
        return _said(f"A file could not be read or written ({error}); check its folder and the free space.", INPUT)
    except KeyboardInterrupt:
        return _said("Stopped. What was written is kept; the same command goes on or begins again.", INTERRUPTED)
    return DONE


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What Python calls at the end of a script that did not come to :func:`run`, or ended by a defect there."""
    refusal = error if isinstance(error, InputError) else torch_refusal(error) or _missing(error)
    if refusal is None:
        _default_hook(kind, error, trace)
    else:
        sys.exit(_said(str(refusal), INPUT))  # Python's own way to give a status here


def _missing(error: BaseException) -> InputError | None:
    package = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not package or package in _OURS:
        return None
    return InputError(f"The package {package} is not installed; run pip install '.[training]' in the repository.")


sys.excepthook = _end


def _said(sentence: str, status: int) -> int:
    """Say why, unless this is one of several processes and not the first: they all meet the same end."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        complain(f"{Path(sys.argv[0]).name}: {sentence}")
    else:
        _await_end_of(os.getppid())
    return status


def _await_end_of(parent: int, patience: float = 60.0) -> None:
    """Wait until the process that started this one has had its say; it is killed when a child fails before it."""
    end = time.monotonic() + patience
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(0.1)

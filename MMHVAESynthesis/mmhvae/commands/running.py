"""How the command line runs: one sentence for wrong input, a line for what was guessed, an honest exit status."""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from ..exceptions import Cancelled, InputError, InputNotice
from ..images import chosen_nifti_form
from ..write_faults import is_full, not_written
from .streams import Output, complain, open_streams

DONE, DEFECT, WRONG_INPUT, CANCELLED = 0, 1, 2, 130  # the last as a shell reports a program ended by Ctrl-C
#: Commands whose text is all that they give.
_TEXT_ONLY = ("tre", "info", "list")
_NO_MEMORY = "The memory is not enough for this; close other programs, or take a smaller image or fewer samples."


def run_program(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parse the command line, run its command, and return the exit status."""
    try:
        return _run(parser, arguments)
    except KeyboardInterrupt:  # before the command, or after it
        complain("mmhvae: Cancelled.")
        return CANCELLED


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    open_streams()
    output = Output(sys.stdout)
    options = argparse.Namespace()
    try:
        with redirect_stdout(output):
            status = _status(parser, arguments, options)
            output.flush()
    except SystemExit:  # --help, --version: their text is all
        output.flush()
        if output.failure is None:
            raise
        return _finished(DONE, output, is_text_only=True)
    given = {getattr(options, name, "") for name in ("command", "action")}
    return _finished(status, output, is_text_only=not given.isdisjoint(_TEXT_ONLY))


def _status(parser: argparse.ArgumentParser, arguments: Sequence[str] | None, options: argparse.Namespace) -> int:
    try:
        parser.parse_args(arguments, options)
        with warnings.catch_warnings(), chosen_nifti_form(getattr(options, "nifti_form", None)):
            warnings.simplefilter("ignore")  # they address programmers
            warnings.simplefilter("always", InputNotice)
            notes: dict[str, None] = {}  # told when the work is done; a refusal is one sentence and no more
            warnings.showwarning = lambda message, *_, **__: notes.setdefault(one_line(message))
            status: int | None = options.run(options)
        for note in notes:
            complain(f"mmhvae: Note: {note}")
    except InputError as error:
        complain(f"mmhvae: {one_line(error)}")
        return WRONG_INPUT
    except (KeyboardInterrupt, Cancelled):
        complain("mmhvae: Cancelled.")
        return CANCELLED
    except MemoryError:
        complain(f"mmhvae: {_NO_MEMORY}")
        return WRONG_INPUT
    except Exception as error:
        if is_full(error):
            complain(f"mmhvae: {not_written(Path(str(getattr(error, 'filename', None) or 'A file')), error)}")
            return WRONG_INPUT
        complain(traceback.format_exc(), end="")
        return DEFECT
    return status or DONE


def one_line(text: object) -> str:
    """A message without line breaks."""
    return " ".join(str(text).splitlines())


def _finished(status: int, output: Output, is_text_only: bool) -> int:
    """The status, once it is known whether the text arrived."""
    if output.failure is None or isinstance(output.failure, BrokenPipeError) or status != DONE:
        return status  # whoever read the output, such as ``head``, has seen enough
    if is_text_only:
        complain("mmhvae: Standard output takes no text (it is closed, or its disk is full); direct it elsewhere.")
        return WRONG_INPUT
    complain("mmhvae: Note: the results are written, but standard output takes no text.")
    return status

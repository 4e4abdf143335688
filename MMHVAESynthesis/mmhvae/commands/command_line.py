"""What the commands share: the parser, the notice, and the care taken before anything is written."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..exceptions import InputError
from ..images import NIFTI_FORMS
from .streams import complain

NOTICE = "Synthetic images. Not approved for clinical use."

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as one sentence, like any other wrong input."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def add_command(commands: Commands, name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> Parser:
    """A parser for the command ``name``, which is run by ``run``; that gives the exit status where it is not 0."""
    parser: Parser = commands.add_parser(name, help=text, description=f"{text} {NOTICE}")
    parser.set_defaults(run=run)
    return parser


def add_device(parser: Parser) -> None:
    """Where the work is to be done."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")


def add_nifti_form(parser: Parser) -> None:
    """Which of a NIfTI file's two places counts, where they contradict."""
    text = "what to go by where the qform and the sform of a NIfTI file disagree, or neither is set"
    parser.add_argument("--nifti-form", choices=NIFTI_FORMS, help=text)


def require_no_input(outputs: Sequence[Path | None], inputs: Sequence[Path | None]) -> None:
    """Never write a synthetic image over the acquired one that it was made from."""
    for output in outputs:
        for path in inputs:
            if output and path and os.path.exists(output) and os.path.exists(path) and output.samefile(path):
                raise InputError(f"{path} would be overwritten by the result; choose another output.")


def report(fraction: float, message: str) -> None:
    """One line that rewrites itself, on a terminal only: logs stay readable."""
    if sys.stderr.isatty():
        # Back to the line's start, so that whatever comes next overwrites it.
        complain(f"{100 * fraction:3.0f} %  {message:<60}", end="\r")

"""The command line: ``mmhvae synthesize | register | reconstruct | overlay | tre | import-release | info | weights |
demo``.

Exit status: 0 done; 2 the user's input cannot be used, with one sentence on standard error; 1 a defect.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from .commands import (
    NOTICE,
    Parser,
    add_bundles,
    add_demo,
    add_overlay,
    add_reconstruct,
    add_register,
    add_synthesize,
    add_tre,
    add_weights,
)
from .exceptions import Cancelled, InputError
from .version import __version__

CANCELLED = 130  # as a shell reports a program ended by Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        options = _parser().parse_args(arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they address programmers, and would surround the one sentence
            status: int | None = options.run(options)
        sys.stdout.flush()
    except InputError as error:
        print(f"mmhvae: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Cancelled):
        print("mmhvae: Cancelled.", file=sys.stderr)
        return CANCELLED
    except BrokenPipeError:  # whoever read the output, such as ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        traceback.print_exc()
        return 1
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="mmhvae", description=f"Synthesise and register brain images. {NOTICE}")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for add in (
        add_synthesize, add_register, add_reconstruct, add_overlay, add_tre, add_bundles, add_weights, add_demo,
    ):  # fmt: skip
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The command line: ``mmhvae synthesize | register-case | register | reconstruct | overlay | tre | import-release |
info | weights | demo``.

Exit status: 0 done; 2 the user's input cannot be used, with one sentence on standard error; 1 a defect; 3 of
``register-case``: done, and the registration has failed by its own judgement.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .commands import (
    NOTICE,
    Parser,
    add_bundles,
    add_demo,
    add_outline_us,
    add_overlay,
    add_reconstruct,
    add_register,
    add_register_case,
    add_segment,
    add_synthesize,
    add_tre,
    add_weights,
    run_program,
)
from .version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    return run_program(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="mmhvae", description=f"Synthesise and register brain images. {NOTICE}")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for add in (
        add_synthesize, add_register_case, add_register, add_reconstruct, add_overlay, add_segment, add_outline_us,
        add_tre, add_bundles, add_weights, add_demo,
    ):  # fmt: skip
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The command ``mmhvae demo``: the whole job on the shipped, simulated case."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import require_writable
from .command_line import NOTICE, add_command, report

if TYPE_CHECKING:
    from .command_line import Commands


def add_demo(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "demo", _demo, "Run the whole job on the shipped, simulated case.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")


def _demo(options: argparse.Namespace) -> None:
    from ..demo import can_draw, run_demo, summary_table

    require_writable(options.output)
    print(summary_table(run_demo(options.output, report)))
    if can_draw():
        print(f"{options.output / 'figure.png'} tells the story. {NOTICE}")
    else:
        print(f"For the figure, install matplotlib: pip install 'mmhvae[figures]'. {NOTICE}")

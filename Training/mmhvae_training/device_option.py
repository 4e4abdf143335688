"""The option --device: one default and help for all scripts, and what ``auto`` means to those that make tables."""

from __future__ import annotations

import argparse

from mmhvae.compute import choose_device

AUTO = "auto"
HELP = (
    "auto, cpu, cuda or mps (default auto: a CUDA GPU where there is one; for times, and for networks that a table "
    "judges, the CPU)"
)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the work is to be done; checked by :func:`device_of_table`, or by the core."""
    parser.add_argument("--device", default=AUTO, help=HELP)


def device_of_table(name: str) -> str:
    """The device of a network that a published table judges or times: by itself the CPU.

    A GPU draws other noise for the same seed, convolves in TF32, and takes other times: a table that is made again must
    not depend on whether the machine has one. Asked for by name, it is used.

    Raises:
        InputError: the device is unknown, or this machine does not have it.
    """
    return "cpu" if name == AUTO else str(choose_device(name))
